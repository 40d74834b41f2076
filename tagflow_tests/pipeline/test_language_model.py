"""A dataset with a language model as its brain, run through the assets against a loopback server."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.one_text import tag_text
from tagflow.errors import ConfigError, ModelError
from tagflow_tests.llm.completions import Abilities
from tagflow_tests.llm.fault_server import FaultServer
from tagflow_tests.llm.keyword_reader import read_words
from tagflow_tests.pipeline.runs import make_dataset, materialize, metadata_of, read_recipes

KEY = "canary-key-0123456789"
COUNT = 40


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    with FaultServer(read_words, abilities=Abilities(models=("reader",), keys=(KEY,))) as opened:
        monkeypatch.setenv("TAGFLOW_LLM_BASE_URL", opened.url)
        monkeypatch.setenv("TAGFLOW_LLM_MODEL", "reader")
        monkeypatch.setenv("TAGFLOW_LLM_API_KEY", KEY)
        monkeypatch.setenv("TAGFLOW_LLM_PRICE", "1/2 EUR")
        yield opened


def make_kitchen(data: Path, **settings: object) -> DuckDBStore:
    """Write a dataset of recipe videos that a language model proposes, selects and judges for."""
    vocabulary = {"source": "union", "min_contents": 2, "proposals": 8}
    chosen = {"brain": "llm", "vocabulary": vocabulary, "evaluation": {"methods": []}, **settings}
    make_dataset(data, "kitchen", read_recipes(COUNT), **chosen)
    return DuckDBStore(data / "warehouse")


def ends(store: DuckDBStore) -> dict[str, int]:
    """Return how many contents ended in each status."""
    status = store.read("kitchen", "tagged_output", "content_status")
    assert len(status) == COUNT
    return dict(status["status"].value_counts().iter_rows())


def test_a_language_model_proposes_selects_and_judges_and_a_second_run_asks_nothing(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_kitchen(tmp_path)
    first = materialize(tmp_path, "kitchen")
    assert set(ends(store)) <= {"tagged", "no_tag_fits"}
    tagged = store.read("kitchen", "tagged_output")
    texts = store.read("kitchen", "raw_clues").select("content_id", pl.col("text").str.to_lowercase())
    named = tagged.join(texts, on="content_id").select(
        pl.col("text").str.contains(pl.col("tag").str.to_lowercase(), literal=True)
    )
    assert len(tagged) > COUNT
    assert named.to_series().all()
    assert tagged["raw_score"].unique().to_list() == pytest.approx([0.9])
    pairs, right = store.read("kitchen", "confidence_model", "rungs").select("pairs", "positives").row(0)
    assert tagged["confidence"].unique().to_list() == pytest.approx([right / pairs], abs=0.01)
    assert tagged["model"].unique().to_list() == ["llm4tag/llm:reader"]
    assert metadata_of(first, "candidate_tags")["requests"] > 0
    asked = len(server.requests)
    before = {name: store.read("kitchen", name) for name in ("candidate_tags", "tagged_output")}
    again = materialize(tmp_path, "kitchen")
    assert len(server.requests) == asked
    stood = metadata_of(again, "tagged_output")
    assert (stood["tagged_anew"], stood["kept_as_they_were"]) == (0, COUNT)
    assert (stood["requests"], stood["answers_reused"]) == (0, 0), "not even kept answers were looked up"
    for name, frame in before.items():
        assert store.read("kitchen", name).equals(frame)
    monkeypatch.setenv("TAGFLOW_DATA", str(tmp_path))
    tag = tagged["tag"][0]
    said = tag_text("kitchen", f"All about {tag} and nothing else")
    assert [(one["tag"], one["confidence"]) for one in said["tags"] if one["tag"] == tag] == [
        (tag, pytest.approx(tagged["confidence"][0], abs=1e-4))
    ]
    assert len(server.requests) > asked
    server.script(*["refusal"] * 9)
    with pytest.raises(ModelError, match="gave no answer"):
        tag_text("kitchen", f"Once more about {tag}")


def test_without_an_endpoint_the_dataset_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TAGFLOW_LLM_BASE_URL", raising=False)
    make_kitchen(tmp_path)
    with pytest.raises(ConfigError, match="brain is llm, and TAGFLOW_LLM_BASE_URL is not set"):
        materialize(tmp_path, "kitchen", "raw_clues")
