"""Renames and merges on what is stored, worked out by hand."""

import polars as pl

from tagflow.confidence.staleness import carry_answers
from tagflow.decisions import VocabularyDecisions
from tagflow.graph.carrying import carry_graph
from tagflow.schemas import CONTENT_TAG_GRAPH, FUSED_TAGSET, TAGGED_OUTPUT
from tagflow.tables import Tables
from tagflow.tagset.carrying import carry_decisions, find_moves
from tagflow_tests.frames import make_frame, make_table
from tagflow_tests.worlds import edges, fits, human, machine, scored, tag_set

NOTHING_LISTED = pl.DataFrame(
    schema={"tag": pl.String, "aliases": pl.List(pl.String), "description": pl.String, "broader": pl.String}
)
USES = pl.DataFrame(
    [("1", "soup"), ("1", "broth"), ("2", "broth"), ("3", "Stock"), ("4", "bread")],
    schema=["content_id", "tag"],
    orient="row",
)
MOVES = pl.DataFrame({"tag_id": ["broth"], "leader_id": ["soup"]})


def tables(**tags: list[str]) -> Tables:
    made = {name: table.empty() for name, table in FUSED_TAGSET.tables.items()}
    return made | {"fused_tagset": tag_set(tags)}


def decide(**said: object) -> VocabularyDecisions:
    return VocabularyDecisions.model_validate(said)


def test_a_merged_tag_becomes_an_alias_with_its_aliases_and_its_contents_are_counted_once() -> None:
    """Soup and broth stand on the contents 1, 2 and 3: content 1 says both."""
    stored = tables(soup=["potage"], broth=["stock"], bread=[])
    carried = carry_decisions(stored, decide(merge={"soup": ["broth"]}), NOTHING_LISTED, USES)
    told = {
        row["tag"]: (row["tag_id"], set(row["aliases"]), row["frequency"]) for row in carried["fused_tagset"].to_dicts()
    }
    assert told == {"soup": ("soup", {"potage", "broth", "stock"}, 3), "bread": ("bread", set(), 1)}
    assert carried["fusion_log"].select("tag", "leader", "decision", "by").rows() == [
        ("broth", "soup", "merged", "people")
    ]
    assert carried["vocabulary_changes"].select("change", "tag", "other").rows() == [("merged", "broth", "soup")]
    assert find_moves(stored["fused_tagset"], carried["fused_tagset"]).rows() == [("broth", "soup")]
    again = carry_decisions(carried, decide(merge={"soup": ["broth"]}), NOTHING_LISTED, USES)
    assert again["fused_tagset"].equals(carried["fused_tagset"])
    assert again["vocabulary_changes"].is_empty()


def test_a_renamed_tag_keeps_its_id_and_its_old_name_becomes_an_alias() -> None:
    stored = tables(soup=[], bread=["loaf"])
    carried = carry_decisions(stored, decide(rename={"bread": "breads"}), NOTHING_LISTED, USES)
    (bread,) = carried["fused_tagset"].filter(pl.col("tag_id") == "bread").to_dicts()
    assert (bread["tag"], bread["aliases"]) == ("breads", ["bread", "loaf"])
    assert find_moves(stored["fused_tagset"], carried["fused_tagset"]).is_empty()


def test_what_is_no_pure_rename_or_merge_waits_for_a_rebuild() -> None:
    stored = tables(soup=[], bread=[])
    waiting = decide(
        merge={"meal": ["soup"]},
        split=[["soup", "bread"]],
        describe={"soup": "hot"},
        banned=["bread"],
        added={"pie": "x"},
    )
    carried = carry_decisions(stored, waiting, NOTHING_LISTED, USES)
    assert carried["fused_tagset"].equals(stored["fused_tagset"])


def test_edges_of_a_moved_tag_lead_to_its_leader_and_the_heavier_of_two_stays() -> None:
    graph = {name: table.empty() for name, table in CONTENT_TAG_GRAPH.tables.items()}
    graph["content_tag_graph"] = edges(
        human("1", "soup", 1.0),
        human("1", "broth", 1.0),
        machine("2", "broth"),
        fits("3", "broth", 0.7),
        fits("3", "soup", 0.4),
    )
    carried = carry_graph(graph, MOVES)["content_tag_graph"]
    assert set(carried.select("content_id", "target", "origin", "weight").rows()) == {
        ("1", "soup", "human", 1.0),
        ("2", "soup", "machine", 0.5),
        ("3", "soup", "encoder", 0.7),
    }


def test_the_surer_of_two_answers_stays_under_the_leaders_name() -> None:
    stored = {name: table.empty() for name, table in TAGGED_OUTPUT.tables.items()}
    stored["scored_candidates"] = scored(("1", "soup", 0.4), ("1", "broth", 0.8), ("2", "bread", 0.9))
    answers = [
        {"content_id": "1", "tag_id": tag_id, "choice": 1.0, "confidence": said, "rung": "logprobs"}
        for tag_id, said in (("soup", 0.4), ("broth", 0.8))
    ]
    stored["answers"] = make_table("tagged_output", answers, "answers")
    basis = TAGGED_OUTPUT.tables["basis"]
    said = {name: "" for name in basis.columns}
    stored["basis"] = make_frame(basis, [{**said, "content_id": "1", "candidates": ["bread", "broth", "soup"]}])
    named = tag_set({"soup": ["broth"], "breads": []}).with_columns(pl.col("tag_id").replace({"breads": "bread"}))
    carried = carry_answers(stored, MOVES, named)
    assert carried["scored_candidates"].select("content_id", "tag_id", "tag", "confidence").rows() == [
        ("1", "soup", "soup", 0.8),
        ("2", "bread", "breads", 0.9),
    ]
    assert carried["answers"].select("tag_id", "confidence").rows() == [("soup", 0.8)]
    assert carried["basis"]["candidates"].to_list() == [["bread", "soup"]]
