"""What people write into a review file: which rows become corrections, and what the others are told."""

import polars as pl
import pytest

from tagflow.knowledge.answers import ANSWER, Judged, judge_answers, leave_known
from tagflow.knowledge.corrections import CORRECTION
from tagflow.tagset.vocabulary import resolve_tags
from tagflow_tests.worlds import tag_set

TAGS = tag_set({"soup": ["broth"], "vegan": [], "-5 degrees": []})
SAID = {"at": "2026-11-20", "by": "Ana", "source": "r.csv"}


def judge(*rows: tuple[str | None, str | None, str | None], tag_id: str | None = None) -> Judged:
    """Judge rows of content, tag and decision; lines count from 2, below the header."""
    full = [(content, tag, tag_id, decision, None, line) for line, (content, tag, decision) in enumerate(rows, start=2)]
    answers = pl.DataFrame(full, schema=ANSWER, orient="row")
    return judge_answers(answers, TAGS, resolve_tags(TAGS), pl.Series(["a", "b", "=c"]), SAID)


def taken(judged: Judged) -> list[tuple[str, str, bool]]:
    return judged.accepted.select("content_id", "tag", "right").rows()


@pytest.mark.parametrize("word", ["yes", "Y", " Right ", "1", "true"])
def test_a_yes_in_any_form_is_right(word: str) -> None:
    assert taken(judge(("a", "soup", word))) == [("a", "soup", True)]


@pytest.mark.parametrize("word", ["no", "N", "WRONG", "0", "false"])
def test_a_no_in_any_form_is_wrong(word: str) -> None:
    assert taken(judge(("a", "soup", word))) == [("a", "soup", False)]


def test_a_correction_says_when_by_whom_and_from_where_and_calls_the_tag_by_its_name() -> None:
    row = judge(("a", "Broth", "yes")).accepted.row(0, named=True)
    assert row == {"content_id": "a", "tag": "soup", "right": True, **SAID, "comment": None, "line": 2}


def test_another_tag_instead_is_a_wrong_and_a_right_one() -> None:
    assert taken(judge(("a", "soup", "Vegan"))) == [("a", "soup", False), ("a", "vegan", True)]


def test_the_tags_own_name_as_a_decision_is_a_yes() -> None:
    assert taken(judge(("a", "soup", "broth"))) == [("a", "soup", True)]


def test_a_blank_decision_is_skipped_and_counted() -> None:
    judged = judge(("a", "soup", None), ("b", "soup", "yes"))
    assert (taken(judged), judged.blank, len(judged.refused)) == ([("b", "soup", True)], 1, 0)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((None, "soup", "yes"), "it names no content"),
        (("z", "soup", "yes"), "there is no content 'z'"),
        (("a", "soups", "yes"), "there is no tag 'soups', did you mean 'soup'"),
        (("a", None, "yes"), "there is no tag ''"),
        (("a", "soup", "vegn"), "decision 'vegn' is neither yes nor no nor the name of a tag, did you mean 'vegan'"),
    ],
)
def test_a_row_that_cannot_be_understood_is_refused_and_costs_itself_only(row: tuple[str, str, str], reason) -> None:
    judged = judge(("b", "vegan", "no"), row)
    assert taken(judged) == [("b", "vegan", False)]
    assert judged.refused.rows() == [(3, reason)]


def test_a_tag_id_stands_for_a_tag_without_a_name_and_must_agree_with_one() -> None:
    assert taken(judge(("a", None, "yes"), tag_id="vegan")) == [("a", "vegan", True)]
    assert judge(("a", "soup", "yes"), tag_id="vegan").refused.rows() == [
        (2, "tag 'soup' and tag_id vegan are two tags")
    ]


def test_rows_that_contradict_each_other_are_all_refused() -> None:
    judged = judge(("a", "soup", "vegan"), ("b", "soup", "yes"), ("a", "vegan", "no"))
    assert taken(judged) == [("b", "soup", True)]
    assert judged.refused.rows() == [
        (2, "lines 2 and 4 decide the same case differently"),
        (4, "lines 2 and 4 decide the same case differently"),
    ]


def test_the_same_answer_twice_is_one_correction() -> None:
    assert taken(judge(("a", "soup", "yes"), ("a", "broth", "y"))) == [("a", "soup", True)]


def test_the_quote_that_guards_a_cell_from_a_spreadsheet_is_taken_off() -> None:
    assert taken(judge(("'=c", "'-5 degrees", "yes"))) == [("=c", "-5 degrees", True)]


def test_only_what_says_something_new_is_kept() -> None:
    accepted = judge(("a", "soup", "yes"), ("a", "vegan", "no"), ("b", "soup", "yes")).accepted
    before = [("a", "Soup", True), ("a", "vegan", False), ("a", "vegan", True)]
    known = pl.DataFrame([(*row, None, None, None, None, 1) for row in before], schema=CORRECTION, orient="row")
    new = leave_known(accepted, known).select("content_id", "tag", "right").rows()
    assert new == [("a", "vegan", False), ("b", "soup", True)]
