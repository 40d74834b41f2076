"""Which cases are asked: worked out by hand from confidence, carriers, likeness, labels and ways of recall."""

import math

import polars as pl
import pytest

from tagflow.knowledge.review import CASE, SHOWN_TEXT, choose_cases, describe_cases, value_cases
from tagflow.settings import TaggingSettings
from tagflow.tagset.vocabulary import resolve_tags
from tagflow_tests.frames import make_table
from tagflow_tests.worlds import edges, near, raw_clues, said, scored, tag_set

NAMES = resolve_tags(tag_set({"soup": ["broth"], "vegan": [], "rome": []}))
CLUES = raw_clues(said("a", title="Stew", labels=["Broth"]), said("b", title="Salad"), said("held", split="test"))
NONE = pl.DataFrame(schema={"content_id": pl.String, "tag_id": pl.String})
AT = TaggingSettings()


def assigned(*pairs: tuple[str, str]) -> pl.DataFrame:
    rows = [{"content_id": content, "tag_id": tag} for content, tag in pairs]
    return make_table("tagged_output", rows, band="apply", confidence=0.9)


def value(judged: pl.DataFrame, *, tagged=(), likeness=(), settings=AT, decided=NONE) -> pl.DataFrame:
    return value_cases(judged, assigned(*tagged), CLUES, NAMES, edges(*likeness), settings, decided)


def test_doubt_is_greatest_at_the_threshold_and_none_at_the_ends() -> None:
    judged = scored(("b", "soup", 0.5), ("b", "vegan", 0.25), ("b", "rome", 1.0))
    assert value(judged)["uncertainty"].to_list() == pytest.approx([1.0, 2 - 0.75 * math.log2(3), 0.0], abs=1e-9)


def test_the_threshold_moves_where_doubt_is_greatest() -> None:
    found = value(scored(("b", "soup", 0.25), ("b", "vegan", 0.5)), settings=TaggingSettings(apply_at=0.25))
    third = 1 / 3  # 0.5 lies a third of the way from 0.25 to 1, thus at 0.5 + 1/6
    p = 0.5 + third / 2
    assert found["uncertainty"].to_list() == pytest.approx([1.0, -p * math.log2(p) - (1 - p) * math.log2(1 - p)])


def test_reach_grows_with_the_tags_contents_and_with_the_contents_alike() -> None:
    judged = scored(("a", "soup", 0.5), ("b", "vegan", 0.5))
    found = value(judged, tagged=[("a", "vegan"), ("b", "vegan"), ("c", "vegan")], likeness=[near("x", "b", 0.8)])
    by_content = {row["content_id"]: row for row in found.iter_rows(named=True)}
    assert (by_content["b"]["carriers"], by_content["b"]["learners"], by_content["b"]["reach"]) == (3, 1, 1.0)
    assert (by_content["a"]["carriers"], by_content["a"]["learners"], by_content["a"]["reach"]) == (0, 0, 0.0)


def test_contents_that_name_each_other_are_one_learner() -> None:
    found = value(scored(("a", "soup", 0.5)), likeness=[near("a", "b", 0.8), near("b", "a", 0.8)])
    assert found["learners"].to_list() == [1]


def test_a_tag_that_people_did_not_give_disputes_a_sure_judge_and_one_they_gave_half_as_much() -> None:
    both = scored(("a", "soup", 0.2), ("a", "rome", 0.8)).with_columns(path=pl.lit("C2T+C2C2T"))
    found = {row["tag_id"]: row for row in value(both).iter_rows(named=True)}
    assert (found["rome"]["labelled"], found["rome"]["dispute"]) == (False, pytest.approx(0.8))
    assert (found["soup"]["labelled"], found["soup"]["dispute"]) == (True, pytest.approx(0.4))


def test_where_people_gave_no_tag_at_all_only_the_ways_can_differ() -> None:
    judged = scored(("b", "soup", 0.8), ("b", "vegan", 0.8)).with_columns(path=pl.Series(["C2T", "C2T+C2C2T"]))
    found = {row["tag_id"]: row for row in value(judged).iter_rows(named=True)}
    assert (found["soup"]["labelled"], found["soup"]["dispute"]) == (None, 0.5)
    assert found["vegan"]["dispute"] == 0.0


def test_the_value_is_the_product_of_the_three_each_with_a_quarter_to_begin_with() -> None:
    judged = scored(("b", "soup", 0.5), ("b", "vegan", 1.0)).with_columns(path=pl.Series(["C2T", "C2T+C2C2T"]))
    found = value(judged, tagged=[("b", "soup")])
    # soup: uncertainty 1, reach (1 + 0) / 2, dispute 0.5; vegan: 0, 0, 0
    assert found["tag_id"].to_list() == ["soup", "vegan"]
    assert found["value"].to_list() == pytest.approx([1 * 0.625 * 0.625, 0.25**3])


def test_held_out_contents_and_decided_cases_are_not_asked() -> None:
    decided = pl.DataFrame({"content_id": ["b"], "tag_id": ["soup"]})
    found = value(scored(("held", "soup", 0.5), ("b", "soup", 0.5), ("b", "vegan", 0.5)), decided=decided)
    assert found.select("content_id", "tag_id").rows() == [("b", "vegan")]


def test_what_was_not_assigned_is_in_band_drop() -> None:
    found = value(scored(("b", "soup", 0.5), ("b", "vegan", 0.4)), tagged=[("b", "soup")])
    assert dict(found.select("tag_id", "band").rows()) == {"soup": "apply", "vegan": "drop"}


def test_no_tag_and_no_content_takes_more_than_its_share() -> None:
    pairs = [("a", "t1"), ("a", "t2"), ("a", "t3"), ("b", "t1"), ("c", "t1"), ("d", "t4")]
    valued = pl.DataFrame(pairs, schema=["content_id", "tag_id"], orient="row")
    assert choose_cases(valued, 9, per_tag=2, per_content=2).rows() == [pairs[0], pairs[1], pairs[3], pairs[5]]
    assert choose_cases(valued, 2, per_tag=2, per_content=2).rows() == pairs[:2]


def test_a_case_is_shown_with_its_text_and_why_it_is_asked() -> None:
    clues = raw_clues(said("a", title="Stew", caption="x" * SHOWN_TEXT, labels=["vegan"]))
    judged = scored(("a", "soup", 0.56789))
    valued = value_cases(judged, assigned(), clues, NAMES, edges(near("a", "b", 0.5)), AT, NONE)
    row = describe_cases(valued, clues, AT).row(0, named=True)
    assert list(row) == CASE.names()
    assert (row["first_line"], row["decision"], row["comment"]) == ("Stew", "", "")
    assert row["confidence"] == 0.5679
    assert row["clue"] == "Stew " + "x" * (SHOWN_TEXT - 6) + "…"
    assert row["why_asked"] == (
        "the confidence 0.57 lies near 0.5, from where a tag is applied; people gave the content other tags and not "
        "this one, and the judge would; the tag is on 0 contents; 1 similar contents would learn"
    )


def test_where_nothing_is_safe_enough_to_apply_the_surest_are_the_most_doubtful() -> None:
    never = TaggingSettings.model_construct(**{**AT.model_dump(), "apply_at": math.inf})
    valued = value(scored(("b", "soup", 0.99), ("b", "vegan", 0.5)), settings=never)
    p = 0.25  # 0.5 of 1, halved
    entropy = -p * math.log2(p) - (1 - p) * math.log2(1 - p)
    found = dict(valued.select("tag_id", "uncertainty").rows())
    assert found["vegan"] == pytest.approx(entropy, abs=1e-5)
    assert found["soup"] > 0.99
    said = describe_cases(valued, CLUES, never)["why_asked"]
    assert said[0].startswith("the confidence 0.99 is high, and no confidence is safe enough to apply a tag;")
    assert said[1].startswith("the confidence 0.5 is low;")


def test_nothing_judged_is_nothing_asked() -> None:
    empty = value(scored())
    assert describe_cases(choose_cases(empty, 5), CLUES, AT).is_empty()
