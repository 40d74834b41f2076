"""Corrections: the last one holds, right ones are edges and samples, wrong ones take away, held-out ones do nothing."""

import polars as pl

from tagflow.knowledge.corrections import (
    CORRECTION,
    Cases,
    apply_corrections,
    correct_samples,
    renew_corrections,
    resolve_corrections,
    settle_candidates,
)
from tagflow.schemas import KNOWLEDGE_BASE
from tagflow.tagset.vocabulary import resolve_tags
from tagflow_tests.worlds import edges, human, machine, near, raw_clues, said, scored, tag_set

TAGS = tag_set({"soup": ["broth"], "vegan": [], "rome": []})
CLUES = raw_clues(said("a"), said("b"), said("held", split="test"))

Said = tuple[str, str, bool]


def corrections(*rows: Said, by: str | None = None) -> pl.DataFrame:
    full = [(*row, "2026-11-20", by, None, None, line) for line, row in enumerate(rows, start=1)]
    return pl.DataFrame(full, schema=CORRECTION, orient="row")


def cases(*rows: Said, by: str | None = None) -> Cases:
    return resolve_corrections(corrections(*rows, by=by), resolve_tags(TAGS), CLUES)


def reviewed(content_id: str, tag_id: str, weight: float = 1.0) -> tuple[str, str, str, str, str, float]:
    return content_id, tag_id, "tag", "deterministic", "reviewed", weight


def samples(*rows: tuple[str, str, bool, str]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=KNOWLEDGE_BASE.tables["knowledge_base"].dtypes, orient="row")


def test_a_tag_is_meant_in_any_spelling_and_by_its_aliases_and_the_last_word_holds() -> None:
    found = cases(("b", "Broth", True), ("a", "#Vegan", True), ("b", "soup", False)).pairs
    assert found.select("content_id", "tag_id", "right").rows() == [("a", "vegan", True), ("b", "soup", False)]


def test_what_cannot_count_is_told_apart() -> None:
    found = cases(("gone", "soup", True), ("held", "soup", False), ("a", "stew", True), ("a", "soup", True))
    assert found.tally() == {"right": 1, "wrong": 0, "held_out": 1, "content_gone": 1, "tag_unknown": 1}
    assert (found.gone["line"][0], found.held_out["line"][0], found.strange["line"][0]) == (1, 2, 3)


def test_two_corrections_of_one_unknown_tag_are_one_case() -> None:
    assert cases(("a", "stew", True), ("a", "Stew", False)).tally()["tag_unknown"] == 1


def test_a_right_correction_is_an_edge_beside_a_proposal() -> None:
    history = edges(machine("a", "soup"), human("b", "vegan"))
    found = apply_corrections(history, cases(("a", "soup", True)), 0.8)
    assert found.rows() == [machine("a", "soup"), reviewed("a", "soup", 0.8), human("b", "vegan")]


def test_a_right_correction_of_an_annotation_adds_no_second_edge() -> None:
    history = edges(human("a", "soup"))
    assert apply_corrections(history, cases(("a", "soup", True)), 1.0).rows() == history.rows()


def test_a_wrong_correction_takes_the_edges_of_people_and_machine() -> None:
    history = edges(human("a", "soup"), machine("a", "soup"), human("a", "vegan"), human("b", "soup"))
    found = apply_corrections(history, cases(("a", "soup", False)), 1.0)
    assert found.rows() == [human("a", "vegan"), human("b", "soup")]


def test_a_held_out_content_gets_no_edge_and_no_sample() -> None:
    said_of_held_out = cases(("held", "soup", True))
    assert apply_corrections(edges(), said_of_held_out, 1.0).is_empty()
    assert correct_samples(samples(), said_of_held_out).is_empty()


def test_without_corrections_nothing_changes() -> None:
    history = edges(human("a", "soup"), machine("b", "rome"))
    assert apply_corrections(history, cases(), 1.0).equals(history)


def test_in_a_stored_graph_corrections_are_renewed_and_likeness_stays() -> None:
    stored = edges(reviewed("a", "soup"), human("b", "soup"), near("a", "b", 0.7))
    renewed = renew_corrections(stored, cases(("a", "soup", False), ("b", "rome", True)), 1.0)
    assert renewed.rows() == [reviewed("b", "rome"), human("b", "soup"), near("a", "b", 0.7)]


def test_a_taken_back_correction_leaves_no_edge_behind() -> None:
    assert renew_corrections(edges(reviewed("a", "soup")), cases(), 1.0).is_empty()


def test_renewing_equals_building_anew() -> None:
    history = edges(human("a", "soup"), machine("a", "rome"), human("b", "vegan"))
    first, then = cases(("a", "vegan", True)), cases(("a", "vegan", True), ("a", "rome", False), ("b", "soup", True))
    renewed = renew_corrections(apply_corrections(history, first, 1.0), then, 1.0)
    assert renewed.equals(apply_corrections(history, then, 1.0))


def test_a_reviewed_sample_goes_before_a_presumed_and_an_annotated_one() -> None:
    known = samples(
        ("a", "rome", False, "presumed"), ("a", "soup", True, "annotated"), ("b", "soup", True, "annotated")
    )
    found = correct_samples(known, cases(("a", "rome", True), ("a", "soup", False), ("b", "vegan", False)))
    assert found.rows() == [
        ("a", "rome", True, "reviewed"),
        ("a", "soup", False, "reviewed"),
        ("b", "soup", True, "annotated"),
        ("b", "vegan", False, "reviewed"),
    ]


def test_the_corrected_content_itself_has_what_people_said() -> None:
    judged = scored(("a", "soup", 0.9), ("a", "rome", 0.2), ("b", "soup", 0.4))
    found = settle_candidates(judged, cases(("a", "soup", False), ("a", "vegan", True), by="Ana"), TAGS)
    assert found.schema == judged.schema
    assert found.select("content_id", "tag_id", "confidence", "path", "evidence").rows() == [
        ("a", "rome", 0.2, "C2T", ""),
        ("b", "soup", 0.4, "C2T", ""),
        ("a", "vegan", 1.0, "reviewed", "Ana said it is right on 2026-11-20"),
    ]


def test_a_content_that_is_not_tagged_now_is_not_settled() -> None:
    judged = scored(("b", "soup", 0.4))
    assert settle_candidates(judged, cases(("a", "soup", True)), TAGS).equals(judged)
