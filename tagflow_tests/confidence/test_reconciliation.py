"""What was tagged stays tagged, until the content, the tag set or the model changes."""

import polars as pl
import pytest

from tagflow.confidence.reconciliation import find_failed, find_settled, keep_ranked, keep_settled
from tagflow.tables import Tables
from tagflow_tests.frames import make_table
from tagflow_tests.worlds import raw_clues, said, scored

CLUES = raw_clues(said("a", title="x"), said("b", title="x"), said("c", title="x"), said("w", title="x"))


LETTER = {"content_id": "w", "task": "judge", "outcome": "stopped", "reason": "x", "requests": 0}


def stored(model: str = "m", version: str = "v") -> Tables:
    """Return what was stored: a is tagged, b fits no tag, c had another text, w waits."""
    rows = scored(("a", "soup", 0.9)).with_columns(rank=pl.lit(1, pl.Int64), band=pl.lit("apply"))
    tagged = rows.with_columns(model=pl.lit(model), vocabulary_version=pl.lit(version))
    statuses = [
        ("a", "tagged", "hash of a"),
        ("b", "no_tag_fits", "hash of b"),
        ("c", "tagged", "another hash"),
        ("w", "pending", "hash of w"),
    ]
    status = [{"content_id": one, "status": status, "content_hash": said} for one, status, said in statuses]
    return {
        "tagged_output": make_table("tagged_output", tagged.to_dicts()),
        "scored_candidates": scored(("a", "soup", 0.9), ("a", "stew", 0.1), ("b", "soup", 0.1)),
        "content_status": make_table("tagged_output", status, "content_status", tags=0),
        "dead_letters": make_table("tagged_output", [LETTER], "dead_letters"),
    }


def test_unchanged_contents_that_were_judged_are_settled() -> None:
    assert find_settled(stored(), CLUES, model="m", version="v").to_list() == ["a", "b"]


@pytest.mark.parametrize(("model", "version"), [("other", "v"), ("m", "other")])
def test_another_model_or_tag_set_settles_nothing(model: str, version: str) -> None:
    assert find_settled(stored(), CLUES, model=model, version=version).is_empty()


def test_nothing_stored_settles_nothing() -> None:
    empty = {name: table.clear() for name, table in stored().items()}
    assert find_settled(empty, CLUES, model="m", version="v").is_empty()


def test_where_every_content_fitted_no_tag_all_are_asked_again() -> None:
    was = stored()
    was["tagged_output"] = was["tagged_output"].clear()
    assert find_settled(was, CLUES, model="m", version="v").is_empty()


def test_rows_of_settled_contents_stand_beside_the_new_ones() -> None:
    was = stored()
    tables = keep_settled(was, pl.Series(["a"]), scored(("0", "soup", 0.9)))
    assert tables["scored_candidates"].select("content_id", "tag").rows() == [
        ("0", "soup"),
        ("a", "soup"),
        ("a", "stew"),
    ]


def test_what_is_ranked_takes_the_place_of_what_was_and_the_rest_of_what_is_settled_stays() -> None:
    """Of a and w, which are settled, only a is ranked anew; b is not settled, and its old rows go."""
    (row,) = stored()["tagged_output"].to_dicts()
    was = make_table("tagged_output", [{**row, "content_id": one, "tag": f"{one}'s"} for one in "abw"])
    now = make_table("tagged_output", [{**row, "content_id": one, "tag": "now"} for one in ("0", "a")])
    kept = keep_ranked(was, pl.Series(["a", "w"]), CLUES.filter(pl.col("content_id") == "a"), now)
    assert kept.select("content_id", "tag").rows() == [("0", "now"), ("a", "now"), ("w", "w's")]


def test_what_had_no_answer_is_found_and_its_letter_goes_with_it() -> None:
    was = stored()
    assert find_failed(was, CLUES).to_list() == ["w"]
    assert keep_settled(was, pl.Series(["a", "w"]), scored())["dead_letters"].rows() == [tuple(LETTER.values())]
    assert keep_settled(was, pl.Series(["a"]), scored())["dead_letters"].is_empty()
