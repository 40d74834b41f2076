"""Methods that ask a language model by themselves, through the assets, against a loopback server that behaves."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.settings import NGRAMS
from tagflow_tests.cli.kitchens import name_endpoint, read_costs
from tagflow_tests.llm.completions import Abilities
from tagflow_tests.llm.fault_server import FaultServer
from tagflow_tests.llm.method_reader import WordReader
from tagflow_tests.pipeline.runs import make_dataset, materialize, metadata_of, read_recipes

OWN = ("carp", "ensemble_vote", "icxml", "irera", "llm4tc", "zero_shot")
TASKS = {"carp", "carp_clues", "choose", "generate", "imagine", "rate"}
QUICK = {"vocabulary": {"source": "labels"}, "encoder": {"model": NGRAMS}, "holdout": 0.5}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    with FaultServer(WordReader(), abilities=Abilities(models=("reader",))) as opened:
        for variable, value in name_endpoint(opened).items():
            monkeypatch.setenv(variable, value)
        yield opened


def test_named_methods_are_compared_and_their_questions_are_booked_and_paid_once(
    server: FaultServer, tmp_path: Path
) -> None:
    """The brain stays the embedded one: nothing but the named methods asks."""
    make_dataset(tmp_path, "kitchen", read_recipes(24), evaluation={"methods": list(OWN)}, **QUICK)
    first = materialize(tmp_path, "kitchen")
    report = DuckDBStore(tmp_path / "warehouse").read("kitchen", "evaluation_report")
    assert set(OWN) <= set(report["method"])
    booked = read_costs(tmp_path)
    assert {task for stage, task in booked if stage == "evaluation_report"} == TASKS | {"probe"}
    assert sum(booked.values()) == len(server.requests)
    assert metadata_of(first, "evaluation_report")["requests"] == len(server.requests)
    asked = len(server.requests)
    materialize(tmp_path, "kitchen")
    assert len(server.requests) == asked
    again = DuckDBStore(tmp_path / "warehouse").read("kitchen", "evaluation_report")
    figures = ["method", "metric", "value"]
    assert (
        again.filter(pl.col("method").is_in(OWN))
        .select(figures)
        .equals(report.filter(pl.col("method").is_in(OWN)).select(figures))
    )


def test_a_dataset_is_tagged_by_such_a_method_and_what_has_no_answer_is_a_dead_letter(
    server: FaultServer, tmp_path: Path
) -> None:
    """One content in six is refused an answer, whenever it is asked about."""
    records = read_recipes(24)
    refused = {str(record["id"]) for record in records[::6]}
    marks = {str(record["title"]) for record in records[::6]}
    server.faults = lambda request: "refusal" if any(mark in request.text for mark in marks) else ""
    tagging = {"method": "zero_shot", "settings": {"candidates": 30}, "min_confidence": 0}
    make_dataset(tmp_path, "kitchen", records, evaluation={"methods": []}, tagging=tagging, **QUICK)
    materialize(tmp_path, "kitchen")
    store = DuckDBStore(tmp_path / "warehouse")
    letters = store.read("kitchen", "tagged_output", "dead_letters")
    assert set(letters["content_id"]) == refused
    assert set(letters["task"]) == {"choose"}
    status = dict(store.read("kitchen", "tagged_output", "content_status").select("content_id", "status").rows())
    assert {content_id for content_id, end in status.items() if end == "dead_lettered"} == refused
    assert set(store.read("kitchen", "tagged_output")["model"]) == {"zero_shot(candidates=30)/llm:reader, uncalibrated"}


def test_without_an_endpoint_they_are_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TAGFLOW_LLM_BASE_URL", raising=False)
    make_dataset(tmp_path, "kitchen", read_recipes(24), evaluation={"methods": ["carp", "tfidf"]}, **QUICK)
    materialize(tmp_path, "kitchen")
    report = DuckDBStore(tmp_path / "warehouse").read("kitchen", "evaluation_report")
    ran = set(report.filter(pl.col("metric") == "nDCG@10")["method"])
    assert "tfidf" in ran
    assert "carp" not in ran
