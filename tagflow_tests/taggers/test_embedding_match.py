"""Match on the kitchen: confidence is the cosine, and nothing else counts."""

import polars as pl
import pytest

from tagflow.settings import DatasetSettings, GraphSettings
from tagflow.taggers.embedding_match import tag
from tagflow_tests.worlds import kitchen, raw_clues, said

NEW = raw_clues(said("n", title="stew"))


def test_every_tag_is_scored_by_its_cosine() -> None:
    """The stew (0.8, 0.6, 0) against the axes soup, vegan and travel."""
    scored = tag(NEW, kitchen(NEW))
    assert scored["tag"].to_list() == ["soup", "vegan", "travel"]
    assert scored["confidence"].to_list() == pytest.approx([0.8, 0.6, 0.0])
    assert scored["evidence"].to_list() == [f"closeness of meaning {cosine} of 1" for cosine in (0.8, 0.6, 0.0)]
    assert set(scored["path"]) == {"C2T"}


def test_there_are_as_many_candidates_as_graph_recall_may_give() -> None:
    settings = DatasetSettings(graph=GraphSettings(c2t=1, c2c2t=1))
    assert tag(NEW, kitchen(NEW, settings=settings))["tag"].to_list() == ["soup", "vegan"]


def test_a_tag_opposite_to_the_content_has_no_confidence() -> None:
    against = raw_clues(said("n", title="fasting"))
    assert tag(against, kitchen(against)).filter(pl.col("tag") == "soup")["confidence"].to_list() == [0.0]
