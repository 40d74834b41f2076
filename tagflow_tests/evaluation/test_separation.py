"""A held-out content that had a part in anything fitted is found, and named with what it did."""

import polars as pl
import pytest

from tagflow.evaluation.separation import find_touched
from tagflow.tables import Tables
from tagflow_tests.frames import make_raw_clues, make_table
from tagflow_tests.worlds import edges, fits, human, near

CLUES = make_raw_clues({"content_id": "fit"}, {"content_id": "test", "split": "test"})
COUNTED = pl.DataFrame({"key": ["soup"], "contents": [3]})


def find(**artifacts: Tables) -> list[tuple[str, int, str]]:
    """Return artifact, contents and example of every touch."""
    return find_touched(CLUES, artifacts, COUNTED).select("artifact", "contents", "example").rows()


def sample(content_id: str) -> Tables:
    """Return a knowledge base with one sample."""
    row = {"content_id": content_id, "tag_id": "soup", "right": True, "origin": "annotated"}
    return {"knowledge_base": make_table("knowledge_base", [row])}


def scored(*neighbours: str) -> Tables:
    """Return one candidate of the held-out content itself, with these neighbours."""
    row = {"content_id": "test", "tag_id": "soup", "tag": "soup", "confidence": 0.5, "neighbours": list(neighbours)}
    return {"scored_candidates": make_table("tagged_output", [row], "scored_candidates")}


def proposal(content_id: str) -> Tables:
    """Return one proposal."""
    return {"candidate_tags": make_table("candidate_tags", [{"content_id": content_id, "tag": "soup", "votes": 1}])}


def graph(*rows: tuple[str, str, str, str, str, float]) -> Tables:
    """Return a graph of edges."""
    return {"content_tag_graph": edges(*rows)}


def tags(contents: int) -> Tables:
    """Return a tag set in which soup was counted on this many contents."""
    return {"filtered_tagset": make_table("filtered_tagset", [{"key": "soup", "tag": "soup", "contents": contents}])}


def test_contents_that_only_ask_touch_nothing() -> None:
    """A held-out content has similarity edges to tags and contents, and candidates of its own."""
    assert not find(
        candidate_tags=proposal("fit"),
        content_tag_graph=graph(human("fit", "soup"), near("test", "fit", 0.9), fits("test", "soup", 0.5)),
        knowledge_base=sample("fit"),
        tagged_output=scored("fit"),
        filtered_tagset=tags(3),
    )


@pytest.mark.parametrize(
    ("artifact", "tables"),
    [
        ("candidate_tags", proposal("test")),
        ("content_tag_graph", graph(human("test", "soup"))),
        ("content_tag_graph", graph(near("fit", "test", 0.9))),
        ("knowledge_base", sample("test")),
        ("tagged_output", scored("fit", "test")),
    ],
)
def test_a_held_out_content_that_teaches_is_named(artifact: str, tables: Tables) -> None:
    assert find(**{artifact: tables}) == [(artifact, 1, "test")]


def test_a_tag_that_was_counted_on_held_out_contents_is_named() -> None:
    assert find(filtered_tagset=tags(4)) == [("filtered_tagset", 1, "soup")]


def test_a_tag_whose_contents_are_gone_by_now_is_no_touch_if_it_was_counted_less() -> None:
    assert not find(filtered_tagset=tags(2))
