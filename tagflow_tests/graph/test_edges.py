"""Edges: history gives deterministic ones, vectors give similarity ones, and neither gives more (LLM4Tag eq. 1-3)."""

import numpy as np
import polars as pl
import pytest

from tagflow.graph.edges import EDGE, link_history, link_similar
from tagflow.settings import GraphSettings
from tagflow.tagset.vocabulary import resolve_tags
from tagflow_tests.worlds import proposals, raw_clues, said, tag_set, unit

WEIGHTS = GraphSettings(human_weight=0.9, machine_weight=0.4)
NAMES = resolve_tags(tag_set({"soup": ["broth", "Potage"], "open data": []}))


def history(*rows: dict[str, object], proposed: pl.DataFrame | None = None) -> list[tuple[str, str, str, float]]:
    """Return content, tag, origin and weight of the deterministic edges."""
    clues = raw_clues(*rows)
    linked = link_history(clues, proposals() if proposed is None else proposed, NAMES, WEIGHTS)
    assert dict(linked.schema) == dict(EDGE)
    assert set(linked["kind"]) <= {"deterministic"}
    assert set(linked["target_kind"]) <= {"tag"}
    return linked.select("content_id", "target", "origin", "weight").rows()


def test_labels_and_proposals_become_edges_weighted_apart() -> None:
    edges = history(said("a", labels=["Soup"]), said("b"), proposed=proposals(("b", "soup", 0.7)))
    assert edges == [("a", "soup", "human", 0.9), ("b", "soup", "machine", 0.4)]


@pytest.mark.parametrize("label", ["SOUP", " soup. ", "broth", "potage", "#Broth"])
def test_every_spelling_and_alias_leads_to_its_tag(label: str) -> None:
    assert history(said("a", labels=[label])) == [("a", "soup", "human", 0.9)]


def test_a_label_outside_the_tag_set_gives_no_edge() -> None:
    assert history(said("a", labels=["opera"]), proposed=proposals(("a", "ballet", 1.0))) == []


def test_the_test_split_has_no_deterministic_edge() -> None:
    assert history(said("a", labels=["soup"], split="test"), said("b", labels=["soup"])) == [
        ("b", "soup", "human", 0.9)
    ]


def test_two_spellings_of_one_tag_are_one_edge() -> None:
    assert history(said("a", labels=["soup", "Broth", "potage"])) == [("a", "soup", "human", 0.9)]


@pytest.mark.parametrize(("label", "proposal"), [("soup", "Soup"), ("broth", "soup"), ("soup", "broth")])
def test_people_and_machine_each_have_an_edge_where_they_agree(label: str, proposal: str) -> None:
    edges = history(said("a", labels=[label]), proposed=proposals(("a", proposal, 1.0)))
    assert edges == [("a", "soup", "human", 0.9), ("a", "soup", "machine", 0.4)]


def test_a_proposal_of_a_content_that_moved_to_the_test_split_is_no_edge() -> None:
    assert history(said("a", split="test"), proposed=proposals(("a", "soup", 1.0))) == []


def similar(
    cosines: list[list[float]], targets: list[str], kind: str, *, threshold: float = -1.0, most: int = 9
) -> list[tuple[str, str, float]]:
    """Return content, target and cosine of the similarity edges of contents a, b, ... to the targets as found."""
    found = np.argsort(-np.array(cosines), axis=1, kind="stable"), -np.sort(-unit(*cosines), axis=1)
    ids = pl.Series(["a", "b", "c"][: len(cosines)])
    edges = link_similar(ids, found, pl.Series(targets), kind, threshold=threshold, most=most)
    assert dict(edges.schema) == dict(EDGE)
    assert set(edges["kind"]) <= {"similarity"}
    assert set(edges["target_kind"]) <= {kind}
    return edges.select("content_id", "target", "weight").rows()


def test_a_threshold_belongs_to_the_edges_it_lets_through() -> None:
    """0.5 and 0.25 are the same number in single and double precision."""
    assert similar([[0.5, 0.25], [0.75, 0.125]], ["x", "y"], "tag", threshold=0.25) == [
        ("a", "x", 0.5),
        ("a", "y", 0.25),
        ("b", "x", 0.75),
    ]
    assert similar([[0.5, 0.25]], ["x", "y"], "tag", threshold=0.5) == [("a", "x", 0.5)]


def test_only_the_nearest_edges_are_kept_nearest_first() -> None:
    found = similar([[0.25, 0.75, 0.5], [0.5, 0.25, 0.0]], ["x", "y", "z"], "tag", most=2)
    assert found == [("a", "y", 0.75), ("a", "z", 0.5), ("b", "x", 0.5), ("b", "y", 0.25)]


def test_no_content_is_its_own_neighbour_and_takes_no_place_of_another() -> None:
    assert similar([[1.0, 0.5, 0.25]], ["a", "b", "c"], "content", most=1) == [("a", "b", 0.5)]


def test_a_tag_may_bear_the_id_of_the_content() -> None:
    assert similar([[0.5]], ["a"], "tag") == [("a", "a", 0.5)]


def test_nothing_found_gives_no_edge() -> None:
    nothing = np.zeros((2, 0), np.int64), np.zeros((2, 0), np.float32)
    edges = link_similar(pl.Series(["a", "b"]), nothing, pl.Series([], dtype=pl.String), "tag", threshold=0.0, most=3)
    assert edges.is_empty()
    assert dict(edges.schema) == dict(EDGE)
