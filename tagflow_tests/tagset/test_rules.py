"""Tag rules enforced after any model, whatever the order of the rows."""

import polars as pl
import pytest

from tagflow.decisions import TagRules
from tagflow.tagset.rules import compile_rules, enforce_rules
from tagflow_tests.worlds import raw_clues as make_clues
from tagflow_tests.worlds import said, scored, tag_set

TAGS = tag_set({name: [] for name in ("a", "b", "c", "d", "e")} | {"soup": ["broth"]})
CONTENTS = make_clues(said("c1", title="x"), said("c2", title="y")).with_columns(language=pl.Series(["en", "zh"]))


def rule(**rules: object) -> TagRules:
    return TagRules.model_validate(rules)


def enforce(rules: TagRules, *rows: tuple[str, str, float]) -> tuple[list, list]:
    """Return (content, tag, confidence) kept and (content, tag, reason) removed, sorted; equal for every order."""
    frame = scored(*rows)
    results = []
    for order in (frame, frame.reverse(), frame.sort("tag_id"), frame.sort("confidence")):
        done = enforce_rules(order, rules, TAGS, CONTENTS)
        assert done.kept.schema == frame.schema
        kept = done.kept.select("content_id", "tag", "confidence", "evidence").sort("content_id", "tag")
        results.append(
            (kept.rows(), done.removed.select("content_id", "tag", "reason").sort("content_id", "tag").rows())
        )
    assert all(result == results[0] for result in results)
    return [row[:3] for row in results[0][0]], results[0][1]


def test_without_rules_everything_stays():
    assert enforce(rule(), ("c1", "a", 0.9), ("c1", "b", 0.1)) == ([("c1", "a", 0.9), ("c1", "b", 0.1)], [])


def test_a_tag_that_only_people_give_is_not_given_by_a_machine():
    kept, removed = enforce(rule(manual_only=["A"]), ("c1", "a", 0.9), ("c1", "b", 0.8))
    assert kept == [("c1", "b", 0.8)]
    assert removed == [("c1", "a", "rules.manual_only: people give it")]


def test_a_tag_of_a_language_goes_to_contents_in_it():
    kept, removed = enforce(rule(languages={"a": ["en", "de"]}), ("c1", "a", 0.9), ("c2", "a", 0.9), ("c2", "b", 0.9))
    assert kept == [("c1", "a", 0.9), ("c2", "b", 0.9)]
    assert removed == [("c2", "a", "rules.languages: not for contents in zh")]


def test_of_two_that_exclude_each_other_the_more_confident_stays():
    kept, removed = enforce(rule(excludes=[["a", "b"]]), ("c1", "a", 0.4), ("c1", "b", 0.6), ("c2", "a", 0.4))
    assert kept == [("c1", "b", 0.6), ("c2", "a", 0.4)]
    assert removed == [("c1", "a", 'rules.excludes: "b" is more certain')]


def test_equally_confident_ones_go_by_id():
    kept, _ = enforce(rule(excludes=[["b", "a"]]), ("c1", "b", 0.5), ("c1", "a", 0.5))
    assert kept == [("c1", "a", 0.5)]


def test_what_was_taken_out_excludes_nothing():
    kept, _ = enforce(rule(excludes=[["a", "b"], ["b", "c"]]), ("c1", "a", 0.9), ("c1", "b", 0.8), ("c1", "c", 0.7))
    assert kept == [("c1", "a", 0.9), ("c1", "c", 0.7)]


def test_a_group_keeps_its_most_confident():
    rules = rule(groups={"course": {"tags": ["a", "b", "c"], "at_most": 2}})
    kept, removed = enforce(rules, ("c1", "a", 0.1), ("c1", "b", 0.3), ("c1", "c", 0.2), ("c1", "d", 0.05))
    assert kept == [("c1", "b", 0.3), ("c1", "c", 0.2), ("c1", "d", 0.05)]
    assert removed == [("c1", "a", "rules.groups.course: at most 2")]


def test_what_another_rule_took_out_leaves_room_in_the_group():
    rules = rule(excludes=[["d", "b"]], groups={"course": {"tags": ["b", "c"], "at_most": 1}})
    kept, _ = enforce(rules, ("c1", "d", 0.9), ("c1", "b", 0.8), ("c1", "c", 0.7))
    assert kept == [("c1", "c", 0.7), ("c1", "d", 0.9)]


def test_an_implied_tag_comes_with_the_confidence_and_says_by_what():
    frame = scored(("c1", "a", 0.9), ("c1", "b", 0.4))
    done = enforce_rules(frame, rule(implies={"a": ["soup", "b"]}), TAGS, CONTENTS)
    rows = done.kept.select("tag_id", "confidence", "evidence").sort("tag_id").rows()
    assert rows == [("a", 0.9, ""), ("b", 0.9, 'implied by "a"; '), ("soup", 0.9, 'implied by "a"')]


def test_implications_go_on_and_the_most_confident_gives_the_confidence():
    kept, _ = enforce(rule(implies={"a": ["b"], "b": ["c", "a"], "d": ["c"]}), ("c1", "a", 0.5), ("c1", "d", 0.7))
    assert kept == [("c1", "a", 0.5), ("c1", "b", 0.5), ("c1", "c", 0.7), ("c1", "d", 0.7)]


def test_an_implied_tag_never_raises_one_that_is_surer():
    kept, _ = enforce(rule(implies={"a": ["b"]}), ("c1", "a", 0.5), ("c1", "b", 0.8))
    assert kept == [("c1", "a", 0.5), ("c1", "b", 0.8)]


@pytest.mark.parametrize(
    "forbids",
    [
        {"manual_only": ["b"]},
        {"languages": {"b": ["zh"]}},
        {"excludes": [["b", "c"]]},
        {"groups": {"g": {"tags": ["b", "c"], "at_most": 1}}},
    ],
)
def test_an_implied_tag_that_another_rule_forbids_does_not_come(forbids):
    kept, _ = enforce(rule(implies={"a": ["b"]}, **forbids), ("c1", "a", 0.9), ("c1", "c", 0.2))
    assert kept == [("c1", "a", 0.9), ("c1", "c", 0.2)]


def test_what_was_taken_out_implies_nothing():
    kept, _ = enforce(rule(implies={"a": ["b"]}, manual_only=["a"]), ("c1", "a", 0.9), ("c1", "c", 0.2))
    assert kept == [("c1", "c", 0.2)]


def test_a_rule_names_a_tag_by_any_name_and_an_unknown_one_does_nothing():
    compiled = compile_rules(rule(manual_only=["#Broth", "unknown"], implies={"a": ["unknown"]}), TAGS)
    assert compiled.manual_only["tag_id"].to_list() == ["soup"]
    assert compiled.implies.is_empty()


def test_no_rows_stay_no_rows():
    rules = rule(manual_only=["a"], implies={"a": ["b"]}, excludes=[["a", "b"]], groups={"g": {"tags": ["a"]}})
    assert enforce(rules) == ([], [])
