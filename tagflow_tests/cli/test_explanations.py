"""``tagflow explain``: on the demo as a person calls it, and on a small world whose figures are worked out by hand."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.explanation_text import write_facts
from tagflow.cli.explanations import explain_content
from tagflow.confidence.model import describe_prior_model
from tagflow.confidence.ranking import account_contents, rank_tags
from tagflow.decisions import TagRules
from tagflow.errors import ArtifactError, ConfigError
from tagflow.graph.insertion import describe_vectors
from tagflow.schemas import CONFIDENCE_MODEL, CONTENT_TAG_GRAPH, RAW_CLUES, TAGGED_OUTPUT
from tagflow.settings import DatasetSettings, TaggingSettings
from tagflow.taggers.llm4tag import tag
from tagflow.tagset.generation import no_proposals
from tagflow.tagset.vocabulary import make_vocabulary_version
from tagflow_tests.conftest import Demo, call_tagflow
from tagflow_tests.frames import make_table
from tagflow_tests.worlds import kitchen, raw_clues, said

SETTINGS = DatasetSettings(tagging=TaggingSettings(min_confidence=0.65))
KNOWN = raw_clues(
    said("f1", title="stew", labels=["soup"]),
    said("f2", title="salad", labels=["vegan"]),
    said("f3", title="travel", labels=["trips"]),
)
NEW = raw_clues(
    said("n1", title="stew", labels=["Broth", "vegan", "unheard"], split="test"),
    said("mute", title="..."),
)
WEIGHTS = {"human": 2.0, "cosine": 1.0, "bias": -1.0}
REFUSED = {"source_file": "made.jsonl", "line": 7, "content_id": "bad", "reason": "no id", "raw": '{"title": 1}'}


@pytest.fixture(name="store")
def fixture_store(tmp_path: Path) -> DuckDBStore:
    """The kitchen as stored: n1, a stew, got soup (0.694); vegan (0.641) was cut; travel was not recalled."""
    store, materials = DuckDBStore(tmp_path / "warehouse"), kitchen(NEW)
    contents = pl.concat([KNOWN, NEW])
    read = {name: table.empty() for name, table in RAW_CLUES.tables.items()} | {"raw_clues": contents}
    store.write("kitchen", "raw_clues", read | {"quarantine": make_table("raw_clues", [REFUSED], "quarantine")})
    store.write("kitchen", "candidate_tags", no_proposals())
    rare = {"key": "quiche", "tag": "quiche", "contents": 2, "verdict": "too_rare", "origin": "proposed"}
    store.write("kitchen", "filtered_tagset", {"filtered_tagset": make_table("filtered_tagset", [rare])})
    log = make_table("fused_tagset", [], "fusion_log")
    changes = make_table("fused_tagset", [], "vocabulary_changes")
    tagset = {"fused_tagset": materials.tagset, "fusion_log": log, "vocabulary_changes": changes}
    store.write("kitchen", "fused_tagset", tagset)
    space = materials.space
    vectors = [
        describe_vectors(side["node"], kind, matrix, "words")
        for side, kind, matrix in (
            (space.contents, "content", space.content_vectors),
            (space.tags, "tag", space.tag_vectors),
        )
    ]
    graph = {
        "content_tag_graph": pl.concat([materials.deterministic, materials.similarity]),
        "vectors": pl.concat(vectors),
        **{name: CONTENT_TAG_GRAPH.tables[name].empty() for name in ("classifier", "classified", "grown")},
    }
    store.write("kitchen", "content_tag_graph", graph)
    write_judge(store)
    scored = tag(contents.filter(pl.col("content_id") != "mute"), materials)
    write_output(store, scored, "llm4tag/embedded, uncalibrated")
    return store


def write_judge(store: DuckDBStore, *, fitted: bool = False, reliability: pl.DataFrame | None = None) -> None:
    """Store the kitchen's judge: logit = 2 * human + cosine - 1."""
    weights = pl.col("feature").replace_strict(WEIGHTS, default=0.0, return_dtype=pl.Float64)
    model = describe_prior_model().with_columns(coefficient=weights, fitted=pl.lit(fitted))
    empty = CONFIDENCE_MODEL.tables["reliability"].empty()
    curve = empty if reliability is None else reliability
    thresholds = CONFIDENCE_MODEL.tables["thresholds"].empty()
    rungs = CONFIDENCE_MODEL.tables["rungs"].empty()
    tables = {"confidence_model": model, "reliability": curve, "thresholds": thresholds, "rungs": rungs}
    store.write("kitchen", "confidence_model", tables)


def write_output(store: DuckDBStore, scored: pl.DataFrame, model: str, settings: DatasetSettings = SETTINGS) -> None:
    """Store what a method gave."""
    clues = store.read_all("kitchen", "raw_clues")
    version = make_vocabulary_version(store.read("kitchen", "fused_tagset"), TagRules())
    tagged = rank_tags(scored, settings, model=model, version=version)
    status = account_contents(clues["raw_clues"], clues["quarantine"], tagged, scored["content_id"])
    tables = {"tagged_output": tagged, "scored_candidates": scored, "content_status": status}
    beside = ("dead_letters", "cuts", "basis", "answers", "costs")
    tables |= {name: TAGGED_OUTPUT.tables[name].empty() for name in beside}
    store.write("kitchen", "tagged_output", tables)


def ask(store: DuckDBStore, content_id: str = "n1", tag: str | None = None, settings: DatasetSettings = SETTINGS):
    """Return the facts and the text."""
    facts = explain_content(store, settings, "kitchen", content_id, tag)
    return facts, "\n".join(write_facts(json.loads(json.dumps(facts))))


SOUP = 2 / 1.96 + 0.8 - 1
"""n1's neighbours are f1 (cosine 1, soup from people) and f2 (0.96, soup as a proposal); its cosine to soup is 0.8."""


def test_an_assigned_tag_comes_with_its_sum_its_carriers_and_its_clue(store: DuckDBStore) -> None:
    facts, _ = ask(store)
    (soup,) = facts["assigned"]
    parts = {part["feature"]: part["contribution"] for part in soup["judge"]["contributions"]}
    assert (parts["human"], parts["cosine"], parts["bias"]) == pytest.approx((2 / 1.96, 0.8, -1.0), abs=1e-6)
    assert [part["feature"] for part in soup["judge"]["contributions"]][:3] == ["human", "bias", "cosine"]
    assert soup["judge"]["logit"] == pytest.approx(SOUP, abs=1e-6)
    assert soup["confidence"] == pytest.approx(1 / (1 + math.exp(-SOUP)), abs=1e-6)
    assert [(near["neighbour"], near["people"], near["first_line"]) for near in soup["neighbours"]] == [
        ("f1", True, "stew"),
        ("f2", False, "salad"),
    ]
    assert (soup["rank"], soup["path"], soup["carriers"], soup["clue"]) == (1, "C2T+C2C2T", 2, None)
    assert soup["given_by_people"]
    assert facts["notes"] == []


def test_the_text_says_it_all_in_words(store: DuckDBStore) -> None:
    _, text = ask(store)
    for words in (
        'title: "stew"',
        "held out: nothing was learned from it",
        "assigned: Broth; not assigned: vegan; not in the tag set: unheard",
        " 1. soup                     0.69 apply   given by people too",
        "neither its name nor an alias stands in the text",
        "cosine 0.80; 2 similar contents carry it",
        "f1  1.00  from people  stew",
        "+1.02 similar contents that people gave it (0.51), -1.00 where every candidate starts, +0.80 closeness",
        "uncalibrated: nobody checked",
        "2.  vegan  0.64  below the least confidence 0.65 (tagging.min_confidence)",
    ):
        assert words in " ".join(text.split()) or words in text, words


def test_a_calibrated_confidence_says_how_often_such_a_one_was_right(store: DuckDBStore) -> None:
    curve = [
        {
            "head": "annotated",
            "bin": number,
            "low": low,
            "high": high,
            "confidence": mean,
            "precision": right,
            "pairs": 211,
        }
        for number, (low, high, mean, right) in enumerate(
            [(0.0, 0.4, 0.2, 0.1), (0.4, 0.75, 0.6, 0.834), (0.75, 1.0, 0.9, 1.0)], start=1
        )
    ]
    write_judge(store, fitted=True, reliability=make_table("confidence_model", curve, "reliability"))
    write_output(store, store.read("kitchen", "tagged_output", "scored_candidates"), "llm4tag/embedded")
    facts, text = ask(store)
    assert facts["calibrated"]
    assert facts["assigned"][0]["calibration"]["bin"] == 2
    flat = " ".join(text.split())
    assert "right in 83 of 100 such cases (confidence 0.40-0.75, mean 0.60, bin 2 of 3, 211 pairs judged unseen" in flat
    assert "a wide bin, so a rough guide for 0.69" in flat  # 0.75 - 0.40 is more than 0.3


def test_a_cut_candidate_says_why_and_shows_its_sum(store: DuckDBStore) -> None:
    facts, text = ask(store, tag="VEGAN")
    assert facts["asked"]["outcome"] == "cut"
    flat = " ".join(text.split())
    assert "rank 2 of 2 candidates with confidence 0.64, and was cut: below the least confidence" in flat
    assert "People gave it to this content." in text
    assert "adds  because of" in text
    assert "assigned" not in facts


def test_a_tag_that_was_not_recalled_says_what_was_missing_and_what_the_judge_would_say(store: DuckDBStore) -> None:
    facts, text = ask(store, tag="trips")
    assert (facts["asked"]["outcome"], facts["asked"]["tag"]) == ("not_recalled", "travel")
    flat = " ".join(text.split())
    assert '"trips" is an alias of the tag "travel"' in flat
    assert "its cosine to the text is 0.00, below delta_ct 0.2 (rank 3 of 3 tags" in flat
    assert "none of the 2 neighbours carries it" in flat
    assert f"Recalled, it would have got confidence {1 / (1 + math.e):.2f}" in flat  # logit -1


def test_an_assigned_tag_can_be_asked_for(store: DuckDBStore) -> None:
    facts, text = ask(store, tag="soup")
    assert facts["asked"]["outcome"] == "assigned"
    assert "the content has it, at rank 1 of 1 (confidence 0.69)" in " ".join(text.split())


def test_a_tag_outside_the_tag_set_says_why(store: DuckDBStore) -> None:
    facts, text = ask(store, tag="quiche")
    assert facts["asked"]["outcome"] == "too_rare"
    assert "too rare: 2 contents, at least 3 needed" in text
    assert ask(store, tag="soop")[0]["asked"]["sentence"].endswith("did you mean 'soup'")


def test_a_content_without_text_has_nothing_to_explain(store: DuckDBStore) -> None:
    facts, text = ask(store, "mute")
    assert (facts["status"], facts["assigned"], facts["next"]) == ("skipped", [], [])
    assert "skipped: no text" in text
    assert ask(store, "mute", "soup")[0]["asked"]["outcome"] == "not_judged"


@pytest.mark.parametrize("content_id", ["made.jsonl#7", "bad"])
def test_a_refused_record_says_where_and_why(store: DuckDBStore, content_id: str) -> None:
    facts, text = ask(store, content_id)
    assert facts["status"] == "quarantined"
    assert "line 7 of made.jsonl was refused: no id" in text
    assert '{"title": 1}' in text


def test_an_unknown_content_is_a_mistake(store: DuckDBStore) -> None:
    with pytest.raises(ConfigError, match=r"has no content 'n1x', did you mean 'n1'"):
        ask(store, "n1x")


def test_another_method_has_no_sum_and_says_so(store: DuckDBStore) -> None:
    scored = store.read("kitchen", "tagged_output", "scored_candidates").with_columns(
        path=pl.lit("late matching"), evidence=pl.lit('proposed as "stew"')
    )
    write_output(store, scored, "taggpt_generative/embedded, uncalibrated")
    facts, text = ask(store)
    assert "judge" not in facts["assigned"][0]
    assert 'proposed as "stew" (whole text to tag: cosine 0.80)' in text
    assert "a score of its own" in text
    missed = ask(store, tag="travel")[0]["asked"]
    assert missed["outcome"] == "not_recalled"
    assert "it was no candidate of taggpt_generative" in missed["sentence"]


def test_an_artifact_made_anew_alone_is_noticed(store: DuckDBStore) -> None:
    scored = store.read("kitchen", "tagged_output", "scored_candidates")
    write_output(store, scored.with_columns(pl.col("confidence") - 0.01), "llm4tag/embedded, uncalibrated")
    assert "were changed after it was tagged" in ask(store)[1]
    tagset = store.read_all("kitchen", "fused_tagset")
    renamed = tagset["fused_tagset"].with_columns(aliases=pl.lit([], dtype=pl.List(pl.String)))
    store.write("kitchen", "fused_tagset", {**tagset, "fused_tagset": renamed})
    assert "it was tagged with an earlier tag set" in ask(store)[1]
    store.write("kitchen", "fused_tagset", {**tagset, "fused_tagset": renamed.head(2)})
    with pytest.raises(ArtifactError, match="was made for another tag set"):
        ask(store)


def test_the_demo_is_explained_without_loading_a_model(demo: Demo) -> None:
    program = (
        "import sys; from tagflow.cli.main import cli;"
        "cli(['explain', 'recipes', 'rv-011'], standalone_mode=False);"
        "slow = {'torch', 'dagster', 'sentence_transformers', 'sklearn'} & set(sys.modules);"
        "sys.exit(str(slow) if slow else 0)"
    )
    environment = {**os.environ, "TAGFLOW_DATA": str(demo.data)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert "yiayia's spinach pie" in done.stdout


def test_every_sum_of_a_content_of_the_demo_is_the_stored_confidence(demo: Demo, tmp_path: Path) -> None:
    said_of_it = call_tagflow("explain", "recipes", "rv-011", "--json", data=demo.data, cwd=tmp_path)
    assert said_of_it.code == 0, said_of_it.err
    facts = json.loads(said_of_it.out)
    tagged = demo.store.read("recipes", "tagged_output").filter(pl.col("content_id") == "rv-011")
    assert [one["tag"] for one in facts["assigned"]] == tagged.sort("rank")["tag"].to_list()
    for one in facts["assigned"]:
        logit = sum(part["contribution"] for part in one["judge"]["contributions"])
        assert logit == pytest.approx(one["judge"]["logit"], abs=1e-6)
        assert 1 / (1 + math.exp(-one["judge"]["calibrated"])) == pytest.approx(one["confidence"], abs=1e-6)
    assert facts["notes"] == []


def test_a_misspelt_content_is_one_sentence(demo: Demo, tmp_path: Path) -> None:
    said_of_it = call_tagflow("explain", "recipes", "rv-0111", data=demo.data, cwd=tmp_path)
    assert said_of_it.code == 1
    assert "has no content 'rv-0111', did you mean 'rv-" in said_of_it.err
    assert said_of_it.err.count("\n") == 1
