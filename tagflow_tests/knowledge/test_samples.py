"""Samples: what people annotated is right, what was recalled beside it is presumed wrong, and silence says nothing."""

import polars as pl

from tagflow.knowledge.samples import collect_samples
from tagflow_tests.worlds import edges, human, machine

HISTORY = edges(human("a", "soup"), human("b", "vegan"), machine("a", "rome"), machine("c", "soup"))


def samples(*recalled: tuple[str, str]) -> list[tuple[str, str, bool, str]]:
    """Return the knowledge base made of the history and these candidates."""
    candidates = pl.DataFrame(list(recalled), schema={"content_id": pl.String, "tag_id": pl.String}, orient="row")
    return collect_samples(HISTORY, candidates).rows()


RIGHT = [("a", "soup", True, "annotated"), ("b", "vegan", True, "annotated")]


def test_every_annotation_is_right_whether_it_was_recalled_or_not() -> None:
    assert samples() == RIGHT
    assert samples(("a", "soup"), ("b", "vegan")) == RIGHT


def test_a_recalled_tag_that_people_use_but_not_here_is_presumed_wrong() -> None:
    assert samples(("a", "vegan")) == [RIGHT[0], ("a", "vegan", False, "presumed"), RIGHT[1]]


def test_a_tag_that_only_the_machine_uses_is_not_presumed_wrong() -> None:
    assert samples(("a", "rome"), ("b", "rome")) == RIGHT


def test_a_content_that_nobody_annotated_teaches_nothing() -> None:
    assert samples(("c", "soup"), ("c", "vegan"), ("d", "soup")) == RIGHT


def test_without_annotations_there_are_no_samples() -> None:
    machines = HISTORY.filter(pl.col("origin") == "machine")
    candidates = pl.DataFrame({"content_id": ["a"], "tag_id": ["soup"]})
    assert collect_samples(machines, candidates).is_empty()
