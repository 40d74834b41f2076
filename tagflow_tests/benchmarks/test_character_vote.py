"""The vote by shared characters: worked out by hand on a few Chinese titles."""

import polars as pl
import pytest

from tagflow.tagset.vocabulary import resolve_tags
from tagflow_tests.benchmarks.character_vote import vote_by_characters
from tagflow_tests.worlds import raw_clues, said, tag_set


def test_the_contents_that_share_characters_vote_with_their_cosine() -> None:
    clues = raw_clues(
        said("a", title="北京", labels=["旅游", "北京"]),
        said("b", title="北京", labels=["北京"]),
        said("c", title="上海", labels=["上海"]),
        said("held", title="北京", labels=["北京"], split="test"),
    )
    names = resolve_tags(tag_set({"旅游": [], "北京": [], "上海": []}))
    found = vote_by_characters(clues, names, clues.filter(pl.col("content_id") == "held"))
    votes = dict(found.select("tag_id", "confidence").iter_rows())
    assert {tag: pytest.approx(votes[tag]) for tag in votes} == {"北京": 2.0, "旅游": 1.0, "上海": 0.0}
