"""Growth: what tagflow applied becomes edges that live a while, stay fewer than people's, and never vote."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from threadpoolctl import threadpool_limits

from tagflow.adapters.exact_neighbours import ExactNeighbours
from tagflow.confidence.features import FEATURES
from tagflow.graph.classifier import Classifier
from tagflow.graph.edges import link_history
from tagflow.graph.growth import NO_GROWTH, collect_answers, drop_stale, grow_pairs, link_grown
from tagflow.graph.insertion import build_graph, forget_contents
from tagflow.graph.recall import recall_by_growth, recall_candidates
from tagflow.knowledge.samples import collect_samples
from tagflow.materials import recall_pairs
from tagflow.settings import DatasetSettings, GraphSettings, Thresholds
from tagflow.tables import Tables
from tagflow.tagset.vocabulary import resolve_tags
from tagflow_tests.benchmarks.poisoning import FIXED, GROWING, Round, feed_mistakes, make_world, run_rounds
from tagflow_tests.frames import make_table
from tagflow_tests.worlds import (
    KITCHEN_TAGS,
    KITCHEN_WORDS,
    Edge,
    WordEncoder,
    edges,
    human,
    kitchen,
    machine,
    near,
    proposals,
    raw_clues,
    said,
    tag_set,
)

CLUES = raw_clues(said("a", title="x"), said("b", title="x"), said("c", title="x"), said("held", split="test"))
TAGS = tag_set({"soup": [], "vegan": []})
MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
PEOPLE = edges(human("p", "soup"), human("q", "soup"), human("q", "vegan"))
NOBODY = pl.DataFrame(schema={"content_id": pl.String, "tag_id": pl.String})


def grown(content_id: str, tag_id: str, weight: float = 0.25) -> Edge:
    """Tagflow applied the tag to the content."""
    return content_id, tag_id, "tag", "deterministic", "grown", weight


def output(*rows: tuple[str, str, str], path: str = "C2T", model: str = "llm4tag/embedded") -> Tables:
    """Return tagged_output from (content, tag, band), with the status of every content of ``CLUES``."""
    shown = [{"content_id": content, "tag_id": tag, "tag": tag, "band": band} for content, tag, band in rows]
    status = [{"content_id": row["content_id"], "content_hash": row["content_hash"]} for row in CLUES.to_dicts()]
    rest = {"rank": 1, "confidence": 0.8, "path": path, "neighbours": [], "votes": 0.0, "evidence": ""}
    return {
        "tagged_output": make_table("tagged_output", shown, model=model, vocabulary_version="v", **rest),
        "content_status": make_table("tagged_output", status, "content_status", status="tagged", tags=1),
    }


def answer(*rows: tuple[str, str, float]) -> pl.DataFrame:
    """Return answers from (content, tag, confidence)."""
    full = [(content, tag, f"hash of {content}", confidence) for content, tag, confidence in rows]
    text = dict.fromkeys(("content_id", "tag_id", "content_hash"), pl.String)
    return pl.DataFrame(full, schema={**text, "confidence": pl.Float64}, orient="row")


def pairs(frame: pl.DataFrame) -> list[tuple[str, str]]:
    return sorted(frame.select("content_id", "tag_id").rows())


def test_only_what_was_applied_to_contents_outside_the_test_split_may_grow():
    tagged = output(("a", "soup", "apply"), ("b", "soup", "review"), ("held", "soup", "apply"), ("c", "gone", "apply"))
    assert pairs(collect_answers(tagged, CLUES, TAGS)) == [("a", "soup")]


@pytest.mark.parametrize("path", ["grown", "reviewed"])
def test_an_answer_that_growth_brought_does_not_grow_again_and_a_persons_needs_not(path):
    assert pairs(collect_answers(output(("a", "soup", "apply"), path=path), CLUES, TAGS)) == []


def test_the_answers_of_a_judge_that_was_not_fitted_do_not_grow():
    tagged = output(("a", "soup", "apply"), model="match/embedded, uncalibrated")
    assert pairs(collect_answers(tagged, CLUES, TAGS)) == []


def test_an_answer_about_a_text_that_changed_since_does_not_grow():
    changed = CLUES.with_columns(content_hash=pl.lit("new"))
    assert pairs(collect_answers(output(("a", "soup", "apply")), changed, TAGS)) == []


def grow(known: pl.DataFrame, *rows: tuple[str, str, float], days: int = 2, today: date = MONDAY) -> pl.DataFrame:
    return grow_pairs(known, answer(*rows), PEOPLE, NOBODY, days, today)


def test_a_pair_keeps_its_first_date_and_dies_when_it_is_not_given_again():
    """With two days, a pair of Monday lives on Tuesday without being given again, and not on Wednesday."""
    monday = grow(NO_GROWTH, ("a", "soup", 0.8))
    assert monday.select("content_id", "tag_id", "since", "confirmed").rows() == [
        ("a", "soup", "2026-03-02", "2026-03-02")
    ]
    again = grow(monday, ("a", "soup", 0.9), today=TUESDAY)
    assert again.select("since", "confirmed", "confidence").rows() == [("2026-03-02", "2026-03-03", 0.9)]
    assert pairs(grow(monday, today=TUESDAY)) == [("a", "soup")]
    assert pairs(grow(monday, today=date(2026, 3, 4))) == []
    assert pairs(grow(monday, days=0, today=TUESDAY)) == []


def test_a_tag_grows_no_more_edges_than_people_gave_it_the_surest_first():
    """Soup is on two contents of people, vegan on one; rome on none."""
    found = grow(NO_GROWTH, ("a", "soup", 0.6), ("b", "soup", 0.9), ("c", "soup", 0.8))
    assert pairs(found) == [("b", "soup"), ("c", "soup")]
    found = grow(NO_GROWTH, ("a", "vegan", 0.8), ("b", "vegan", 0.8), ("a", "rome", 0.99))
    assert pairs(found) == [("a", "vegan")]


def test_what_people_gave_or_decided_does_not_grow():
    assert pairs(grow(NO_GROWTH, ("p", "soup", 0.9))) == []
    decided = pl.DataFrame({"content_id": ["a"], "tag_id": ["soup"]})
    assert pairs(grow_pairs(NO_GROWTH, answer(("a", "soup", 0.9)), PEOPLE, decided, 2, MONDAY)) == []


def test_a_pair_leaves_with_its_text_its_split_or_its_tag():
    known = grow(NO_GROWTH, ("a", "soup", 0.9), ("b", "vegan", 0.9))
    assert pairs(drop_stale(known, CLUES, TAGS)) == [("a", "soup"), ("b", "vegan")]
    assert pairs(drop_stale(known, CLUES.filter(pl.col("content_id") != "a"), TAGS)) == [("b", "vegan")]
    held = CLUES.with_columns(split=pl.when(pl.col("content_id") == "a").then(pl.lit("test")).otherwise("split"))
    assert pairs(drop_stale(known, held, TAGS)) == [("b", "vegan")]
    assert pairs(drop_stale(known, CLUES, TAGS.filter(pl.col("tag_id") == "soup"))) == [("a", "soup")]


def test_the_edge_of_a_popular_tag_weighs_less():
    """Of three contents of people one has rare, all have common: log(4/2) of log(4/2), and log(4/4)."""
    history = edges(*(human(content, "common") for content in "pqr"), human("p", "rare"))
    known = grow_pairs(NO_GROWTH, answer(("a", "rare", 0.9), ("a", "common", 0.9)), history, NOBODY, 2, MONDAY)
    linked = link_grown(known, history, GraphSettings(grown_weight=0.2))
    assert dict(linked.select("target", "weight").iter_rows()) == pytest.approx({"rare": 0.2, "common": 0.0})
    assert set(linked.select("kind", "origin").iter_rows()) == {("deterministic", "grown")}


NEAR = edges(near("n", "a", 0.6), near("n", "b", 0.4), near("n", "copy", 0.97))
GROWN = edges(grown("a", "vegan", 0.2), grown("b", "vegan", 0.1), grown("b", "soup", 0.2), grown("copy", "rome", 0.2))
SAID = edges(human("a", "soup"), machine("b", "travel"))


def test_growth_brings_what_resembling_contents_were_given_but_not_copies():
    """Shares of n's neighbourhood of 1.97: a 0.6, b 0.4. Vegan 0.6 * 0.2 + 0.4 * 0.1 = 0.16 of it, soup 0.08."""
    found = recall_by_growth(NEAR, GROWN).to_dicts()
    assert [row["tag_id"] for row in found] == ["vegan", "soup"]
    assert [row["growth"] for row in found] == pytest.approx([0.16 / 1.97, 0.08 / 1.97])
    assert (found[0]["growers"], found[0]["grown_carriers"]) == (["a", "b"], 2)


def test_with_growth_the_candidates_are_those_without_it_and_a_few_more():
    off = recall_candidates(NEAR, pl.concat([SAID, GROWN]), GraphSettings())
    assert off.equals(recall_candidates(NEAR, SAID, GraphSettings()))
    on = recall_candidates(NEAR, pl.concat([SAID, GROWN]), GraphSettings(grow=True))
    assert on.head(len(off)).equals(off)
    (more,) = on[len(off) :].to_dicts()
    assert (more["tag_id"], more["path"], more["neighbours"], more["grown_carriers"]) == (
        "vegan",
        "grown",
        ["a", "b"],
        2,
    )
    assert [more[name] for name in ("human", "machine", "carried", "c2c2t", "lexical", "carriers")] == [0] * 6
    assert more["c2t"] is None
    assert recall_candidates(NEAR, pl.concat([SAID, GROWN]), GraphSettings(grow=True, grown=0)).equals(off)


def test_the_judge_sees_the_same_features_whether_the_graph_grew_or_not():
    """Wherever a grown edge lies, no feature moves; rome is on no other way to the stew with travel (cosines 0.7)."""
    new, settings = raw_clues(said("n", title="stew travel")), DatasetSettings(graph=GraphSettings(grow=True))
    plain = kitchen(new, {**KITCHEN_TAGS, "rome": []}, settings=settings)
    more = edges(grown("f1", "rome"), grown("f2", "rome"), grown("f1", "vegan"), grown("n", "soup"))
    knows = Classifier(np.arange(3), np.arange(4), np.full((3, 4), [0.1, 0.2, 0.3, 0.9], np.float32), np.ones(3, "f4"))
    plain = replace(plain, space=plain.space._replace(classifier=knows))  # rome has the highest score
    both = replace(plain, deterministic=pl.concat([plain.deterministic, more]))
    off, on = (recall_pairs(new, materials).sort("tag_id") for materials in (plain, both))
    assert set(on["tag_id"]) - set(off["tag_id"]) == {"rome"}
    shared = on.join(off, on="tag_id", how="semi").sort("tag_id")
    assert shared.select(*FEATURES, "annotated", "path").equals(off.select(*FEATURES, "annotated", "path"))
    brought = on.filter(pl.col("path") == "grown").select("tag_id", "learned_lead", "learned_rank")
    assert brought.rows() == [("rome", 0.0, 0.0)]  # the first of all; ln 1


def test_a_grown_edge_is_no_sample():
    assert collect_samples(GROWN, NOBODY).is_empty()


def test_a_grown_edge_makes_no_content_a_neighbour_and_leaves_with_its_content():
    contents = raw_clues(said("f1", title="stew", labels=["soup"]), said("f2", title="soup"), said("f3", title="salad"))
    tagset = tag_set({"soup": [], "vegan": []})
    history = link_history(contents, proposals(), resolve_tags(tagset), GraphSettings())
    tools = (
        WordEncoder(KITCHEN_WORDS),
        ExactNeighbours,
        GraphSettings(),
        Thresholds(fuse=0.8, sure=0.9, match=0.9, delta_ct=0.2, delta_cc=0.2),
    )
    plain = build_graph(contents, history, tagset, *tools)["content_tag_graph"]
    graph = build_graph(contents, pl.concat([history, edges(grown("f2", "soup"))]), tagset, *tools)
    similar = pl.col("kind") == "similarity"
    assert graph["content_tag_graph"].filter(similar).equals(plain.filter(similar))
    table = make_table(
        "content_tag_graph",
        [{"content_id": content, "tag_id": "soup"} for content in ("f2", "f3")],
        "grown",
        content_hash="h",
        confidence=0.9,
        since="2026-03-02",
        confirmed="2026-03-02",
    )
    left = forget_contents(graph | {"grown": table}, pl.Series(["f2"]))
    assert pairs(left["grown"]) == [("f3", "soup")]
    assert left["content_tag_graph"].filter(pl.col("origin") == "grown").is_empty()


def test_mistakes_that_are_fed_do_not_multiply_as_they_would_if_answers_were_edges_of_people():
    """Twelve times the mistakes of the benchmark, in three rounds: of what is assigned, how much is poisoned?"""
    world = make_world(contents=300, noise=0.3)
    fed = feed_mistakes(world, 3, share=0.06)

    def share(last: Round) -> float:
        return last.poisoned / last.assigned

    with threadpool_limits(1):  # the matrices are small
        *_, fixed = run_rounds(world, fed, FIXED)
        *_, growing = run_rounds(world, fed, GROWING)
        *_, naive = run_rounds(world, fed, GROWING, naive="human")
    assert growing.grown > 100
    assert fixed.poisoned > 5
    assert share(growing) <= 1.1 * share(fixed)
    assert share(naive) > 1.5 * share(fixed)
