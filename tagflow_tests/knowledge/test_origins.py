"""Whose tags are exported: a small world in which people and machine agree, differ, and decide."""

import polars as pl
import pytest

from tagflow.knowledge.origins import ORIGINS, combine_origins
from tagflow.schemas import TAGGED_OUTPUT
from tagflow.tagset.vocabulary import resolve_tags
from tagflow_tests.frames import make_frame, make_raw_clues, make_tagset

CLUES = make_raw_clues(
    {"content_id": "b", "labels": ["Soups", "my own", "SOUP", "My Own"], "split": "test"},
    {"content_id": "a", "labels": []},
    {"content_id": "c", "labels": ["vegan"]},
)
NAMES = resolve_tags(
    make_tagset(
        {"tag_id": "t1", "tag": "soup", "aliases": ["soups"]},
        {"tag_id": "t2", "tag": "vegan"},
        {"tag_id": "t3", "tag": "quick"},
    )
)
TAGGED = make_frame(
    TAGGED_OUTPUT.tables["tagged_output"],
    [
        {"content_id": "a", "tag_id": "t2", "tag": "vegan", "rank": 1, "confidence": 1.0, "path": "reviewed"},
        {"content_id": "a", "tag_id": "t3", "tag": "quick", "rank": 2, "confidence": 0.5, "path": "C2T"},
        {"content_id": "b", "tag_id": "t3", "tag": "quick", "rank": 1, "confidence": 0.9, "path": "C2T"},
        {"content_id": "b", "tag_id": "t1", "tag": "soup", "rank": 2, "confidence": 0.8, "path": "C2T"},
        {"content_id": "c", "tag_id": "t2", "tag": "vegan", "rank": 1, "confidence": 1.0, "path": "reviewed"},
    ],
    band="apply",
)
ROWS = [
    ("b", "Soups", "t1", "human and machine", 2),
    ("b", "my own", None, "human", None),
    ("b", "quick", "t3", "machine", 1),
    ("a", "vegan", "t2", "human", 1),
    ("a", "quick", "t3", "machine", 2),
    ("c", "vegan", "t2", "human", 1),
]


@pytest.mark.parametrize("origin", ORIGINS)
def test_each_tag_of_a_content_comes_once_with_whose_it_is(origin: str) -> None:
    """People's spelling stays, a tag that the tag set does not know is theirs too, a correction counts as theirs."""
    rows = combine_origins(CLUES, TAGGED, NAMES, origin).select("content_id", "tag", "tag_id", "origin", "rank").rows()
    assert rows == [row for row in ROWS if origin == "both" or origin in row[3]]


def test_without_any_tag_there_is_no_row() -> None:
    nothing = TAGGED_OUTPUT.tables["tagged_output"].empty()
    found = combine_origins(CLUES.with_columns(labels=pl.lit([], pl.List(pl.String))), nothing, NAMES, "both")
    assert found.is_empty()
    assert found.columns == ["content_id", "tag", "tag_id", "origin", "rank", "confidence", "band"]
