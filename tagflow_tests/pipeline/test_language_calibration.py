"""A language model that says .9 of every tag and is right six times in ten, through the assets."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.costs import read_books
from tagflow.cli.main import cli
from tagflow.cli.one_text import tag_text
from tagflow.cli.plans import run_plan
from tagflow_tests.llm.completions import Abilities
from tagflow_tests.llm.fault_server import FaultServer
from tagflow_tests.llm.keyword_reader import read_words
from tagflow_tests.pipeline.runs import make_dataset, materialize, metadata_of

COUNT = 100
ONE_OF_FIVE = COUNT // 5


class Run(NamedTuple):
    """What a run stored, the figures on its pages, and what the server was asked and by which asset."""

    data: Path
    store: DuckDBStore
    figures: dict[str, object]
    requests: int
    paid: dict[tuple[str, str], int]


def run_soups(data: Path, *, labelled: bool = True, logprobs: bool = True, **llm: object) -> Run:
    """Tag contents that name soup and bread: both are labels of one in five, one of them of the others.

    The model chooses both and is as sure of both: of ten pairs six are right.
    """
    spoken = {"c0": "a word " * 5000}
    words = [["soup", "bread"] if number % 5 == 0 else ["soup", "bread"][number % 2 :][:1] for number in range(COUNT)]
    contents = [
        {"id": f"c{number}", "title": f"soup with bread {number}", "tags": labels if labelled else []}
        | ({"asr": spoken[f"c{number}"]} if f"c{number}" in spoken else {})
        for number, labels in enumerate(words)
    ]
    source = {"source": "file", "file": "tags.csv"}
    settings = {"holdout": 0, "brain": "llm", "vocabulary": source, "evaluation": {"methods": []}}
    (data / "soups").mkdir(parents=True)
    (data / "soups" / "tags.csv").write_text("tag\nsoup\nbread\n", encoding="utf-8")
    make_dataset(data, "soups", contents, **settings, llm=llm)
    with pytest.MonkeyPatch.context() as patch, open_server(patch, logprobs=logprobs) as server:
        patch.setenv("TAGFLOW_DATA", str(data))
        made = materialize(data, "soups")
        costs = read_books(data, "soups")[1]
        paid = {(stage, task): calls for stage, task, calls in costs.select("stage", "task", "calls").rows() if calls}
        return Run(
            data, DuckDBStore(data / "warehouse"), metadata_of(made, "confidence_model"), len(server.requests), paid
        )


@contextmanager
def open_server(patch: pytest.MonkeyPatch, *, logprobs: bool = True) -> Iterator[FaultServer]:
    with FaultServer(read_words, abilities=Abilities(models=("reader",), logprobs=logprobs)) as server:
        patch.setenv("TAGFLOW_LLM_BASE_URL", server.url)
        patch.setenv("TAGFLOW_LLM_MODEL", "reader")
        patch.delenv("TAGFLOW_LLM_API_KEY", raising=False)
        yield server


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_soups(tmp_path_factory.mktemp("calibrated"))


def test_every_row_says_the_number_the_rung_and_the_confidence(calibrated: Run) -> None:
    tagged = calibrated.store.read("soups", "tagged_output")
    assert len(tagged) == 2 * COUNT
    assert tagged["raw_score"].to_list() == pytest.approx([0.9] * len(tagged))
    assert tagged["rung"].unique().to_list() == ["logprobs"]
    assert tagged["confidence"].to_list() == pytest.approx([0.6] * len(tagged), abs=0.005)
    assert tagged["model"].unique().to_list() == ["llm4tag/llm:reader"]
    assert tagged["evidence"].str.contains("it says 0.9 of 1, calibrated", literal=True).all()
    rungs = calibrated.store.read("soups", "confidence_model", "rungs")
    assert rungs.select("rung", "pairs", "positives").rows() == [("logprobs", 2 * COUNT, 6 * ONE_OF_FIVE)]
    said = "logprobs: says 0.90 on average, right in 0.60 of 200 pairs, calibrated"
    assert str(calibrated.figures["language model"]).startswith(said)


def test_what_of_a_content_was_not_shown_is_stored_and_explained(
    calibrated: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuts = calibrated.store.read("soups", "tagged_output", "cuts")
    assert cuts.select("content_id", "task", "field", "total").rows() == [
        ("c0", task, "asr", len("a word " * 5000)) for task in ("judge", "select")
    ]
    assert ((cuts["kept"] > 1000) & (cuts["kept"] < 8192 * 3)).all(), "a letter is a third of a token"
    monkeypatch.setenv("TAGFLOW_DATA", str(calibrated.data))
    said = " ".join(CliRunner().invoke(cli, ["explain", "soups", "c0"]).output.split())
    assert f"{cuts['kept'][1]:,} of 35,000 characters of asr (select): head, middle and tail" in said
    assert "its confidence is what the language model says, calibrated on people's tags" in said
    assert "it says 0.9 of 1, calibrated" in said


def test_what_calibrates_is_paid_once_by_an_asset_of_its_own(calibrated: Run, tmp_path: Path) -> None:
    off = run_soups(tmp_path, calibration=0)
    assert off.requests == calibrated.requests
    assert calibrated.paid["confidence_model", "select"] == COUNT
    assert calibrated.paid["confidence_model", "judge"] == 2 * COUNT
    assert ("tagged_output", "judge") not in calibrated.paid
    assert off.paid["tagged_output", "judge"] == 2 * COUNT
    assert not [stage for stage, _ in off.paid if stage == "confidence_model"]
    tagged = off.store.read("soups", "tagged_output")
    assert tagged["confidence"].to_list() == pytest.approx(tagged["raw_score"].to_list())
    assert tagged["model"].unique().to_list() == ["llm4tag/llm:reader, uncalibrated"]
    assert tagged["evidence"].str.contains("it says 0.9 of 1, uncalibrated", literal=True).all()


def test_a_bounded_number_of_contents_is_asked_about(tmp_path: Path) -> None:
    few = run_soups(tmp_path, calibration=30)
    assert few.paid["confidence_model", "select"] == 30
    assert few.paid["tagged_output", "select"] == COUNT - 30


def test_without_labels_nothing_is_calibrated_and_every_row_says_so(tmp_path: Path) -> None:
    run = run_soups(tmp_path, labelled=False, logprobs=False)
    tagged = run.store.read("soups", "tagged_output")
    assert len(tagged) == 2 * COUNT
    assert tagged["rung"].unique().to_list() == ["agreement"]
    assert tagged["confidence"].equals(tagged["raw_score"])
    assert tagged["evidence"].str.contains(", uncalibrated", literal=True).all()
    assert tagged["model"].str.contains("uncalibrated", literal=True).all()
    assert not [stage for stage, _ in run.paid if stage == "confidence_model"]


def test_the_plan_has_a_line_for_it_and_one_text_is_calibrated_too(
    calibrated: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with open_server(monkeypatch):
        monkeypatch.setenv("TAGFLOW_DATA", str(calibrated.data))
        (one, *_) = tag_text("soups", "A bowl of soup with nothing")["tags"]  # type: ignore[misc]
        assert one["confidence"] == pytest.approx(0.6, abs=0.005)
        new = tmp_path / "soups"
        new.mkdir()
        for path in (calibrated.data / "soups").glob("*.*"):
            (new / path.name).write_bytes(path.read_bytes())
        (new / "contents").mkdir()
        for path in (calibrated.data / "soups" / "contents").iterdir():
            (new / "contents" / path.name).write_bytes(path.read_bytes())
        monkeypatch.setenv("TAGFLOW_DATA", str(tmp_path))
        capsys.readouterr()
        run_plan("soups", as_json=True)
    lines = {(line["asset"], line["task"]): line for line in json.loads(capsys.readouterr().out)["lines"]}
    assert lines["confidence_model", "select"]["calls"] == COUNT
    assert lines["confidence_model", "judge"]["calls"] > 0
    assert ("tagged_output", "select") not in lines, "all of them are labelled: nothing is left to pay for"
