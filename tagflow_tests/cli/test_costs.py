"""What runs cost and sent, told by dataset and run; what has no answer, and how it is asked again."""

import json
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
from click.testing import CliRunner

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.costs import run_costs
from tagflow.cli.main import cli
from tagflow.cli.plans import run_plan
from tagflow.cli.retries import run_failed
from tagflow.cli.runs import show_outcome
from tagflow.errors import ArtifactError, ConfigError
from tagflow_tests.cli.kitchens import COUNT, KEY, open_kitchen
from tagflow_tests.conftest import TAGFLOW, Said, call_tagflow
from tagflow_tests.llm.fault_server import Request
from tagflow_tests.pipeline.runs import make_dataset, materialize, read_recipes

Capture = pytest.CaptureFixture[str]

UNCALIBRATED = {"calibration": 0}
"""Every question of tagging is asked by tagged_output."""


class Refusals:
    """Has the model refuse the first so many questions of each task."""

    def __init__(self, **most: int) -> None:
        self.left = Counter(most)

    def __call__(self, request: Request) -> str:
        task = find_task(request)
        self.left[task] -= 1
        return "refusal" if self.left[task] >= 0 else ""


def find_task(request: Request) -> str:
    """Return what a request is for, from the form of answer that it asks for."""
    system = str(request.body["messages"][0]["content"])
    return "propose" if '{"tags":' in system else "select" if '{"numbers":' in system else "other"


class Kitchen(NamedTuple):
    """A kitchen in which some questions were refused and then asked again, and a pantry beside it."""

    data: Path
    first: Said
    again: Said
    asked: int
    asked_again: Counter[str]
    nothing: Said
    statuses: dict[str, int]


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kitchen]:
    data = tmp_path_factory.mktemp("kitchen") / "data"
    with open_kitchen(data, llm=UNCALIBRATED) as server:
        server.faults = Refusals(propose=2, select=3)
        first = call_tagflow("run", "kitchen", data=data, cwd=data)
        asked = len(server.requests)
        again = call_tagflow("run", "kitchen", "--failed-only", data=data, cwd=data)
        asked_again = Counter(find_task(request) for request in server.requests[asked:])
        nothing = call_tagflow("run", "kitchen", "--failed-only", data=data, cwd=data)
        ends = DuckDBStore(data / "warehouse").read("kitchen", "tagged_output", "content_status")
        make_dataset(data, "pantry", read_recipes(4), brain="llm", vocabulary={"min_contents": 1})
        materialize(data, "pantry", "raw_clues,fitted_encoder,candidate_tags")
        statuses = dict(ends["status"].value_counts().iter_rows())
        yield Kitchen(data, first, again, asked, asked_again, nothing, statuses)


def list_costs(capsys: Capture, name: str, run: str | None = None) -> dict[str, Any]:
    """Return the facts of ``tagflow costs``."""
    capsys.readouterr()
    run_costs(name, run, egress=True, as_json=True)
    facts = json.loads(capsys.readouterr().out)
    assert isinstance(facts, dict)
    return facts


def test_a_run_ends_with_what_it_cost_and_how_to_ask_again(kitchen: Kitchen) -> None:
    assert kitchen.first.code == 0, kitchen.first.err
    (line,) = re.findall(r"^Language model: .*$", kitchen.first.out, re.M)
    assert line.startswith(f"Language model: {kitchen.asked:,} requests, ")
    assert re.search(r" tokens, 0\.\d{4} EUR, no kept answer used \(tagflow costs kitchen\)$", line)
    assert f"{COUNT} records: 21 tagged, 3 dead lettered" in kitchen.first.out
    assert re.search(
        r"without an answer: [345] have dead letters; tagflow run kitchen --failed-only asks", kitchen.first.out
    )
    assert re.search(r"^    3 of select: \S", kitchen.first.out, re.M)
    assert re.search(r"^    2 of propose: \S", kitchen.first.out, re.M)
    assert KEY not in kitchen.first.out + kitchen.first.err


def test_asking_again_asks_only_what_failed_and_says_how_it_ended(kitchen: Kitchen) -> None:
    assert kitchen.again.code == 0, kitchen.again.err
    assert (kitchen.asked_again["propose"], kitchen.asked_again["select"]) == (2, 3)
    assert "kitchen: 2 assets" in kitchen.again.out
    assert "propose: 2 of 2 contents answered" in kitchen.again.out
    assert "select: 3 of 3 contents answered" in kitchen.again.out
    assert "joins the tag set at the next tagflow run kitchen" in kitchen.again.out
    assert f"Language model: {kitchen.asked_again.total()} requests" in kitchen.again.out
    assert kitchen.statuses == {"tagged": COUNT}


def test_where_nothing_failed_nothing_is_asked_again(kitchen: Kitchen) -> None:
    assert kitchen.nothing == Said(0, "kitchen: every question has its answer, so there is nothing to ask again.\n", "")


def test_asking_again_is_refused_for_an_embedded_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_dataset(tmp_path, "offline", read_recipes(3))
    monkeypatch.setenv("TAGFLOW_DATA", str(tmp_path))
    with pytest.raises(ConfigError, match=r"offline/dataset\.yaml: brain is embedded, which answers every time"):
        run_failed("offline")


def test_asking_again_before_the_first_run_says_what_to_run(tmp_path: Path) -> None:
    with open_kitchen(tmp_path, llm=UNCALIBRATED) as server:
        with pytest.raises(ArtifactError, match="kitchen has not asked anything yet: run tagflow run kitchen"):
            run_failed("kitchen")
        assert server.requests == []


def test_a_selection_and_asking_again_are_one_at_a_time() -> None:
    done = CliRunner().invoke(cli, ["run", "kitchen", "--failed-only", "--select", "raw_clues"])
    assert done.exit_code == 2
    assert "One at a time" in done.output


def test_what_the_budget_does_not_cover_waits_and_the_outcome_says_how_to_go_on(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_kitchen(tmp_path, llm=UNCALIBRATED) as server:
        monkeypatch.setenv("TAGFLOW_LLM_BUDGET", "46 requests")  # probe, proposals and selections
        materialize(tmp_path, "kitchen", "*tagged_output")
        assert len(server.requests) == 5 + 17 + COUNT == 46
        show_outcome("kitchen")
        said = capsys.readouterr().out
        assert f"{COUNT} records: {COUNT} pending" in said
        assert f"without an answer: {COUNT} wait; tagflow run kitchen --failed-only asks again" in said
        assert f"{COUNT} of judge: the budget would not cover another request" in said
        monkeypatch.setenv("TAGFLOW_LLM_BUDGET", "300 requests")
        run_plan("kitchen", as_json=True)
        lines = {line["task"]: line for line in json.loads(capsys.readouterr().out)["lines"]}
        assert (lines["select"]["kept"], lines["select"]["calls"]) == (COUNT, 0)
        assert lines["judge"]["exact"]  # what is judged is known, as the selections are
        materialize(tmp_path, "kitchen", "*tagged_output")
        assert len(server.requests) - 46 == lines["judge"]["calls"] > COUNT


def test_costs_are_told_by_dataset_run_asset_and_task(kitchen: Kitchen, capsys: Capture) -> None:
    facts, other = list_costs(capsys, "kitchen"), list_costs(capsys, "pantry")
    assert len(facts["runs"]) == 2
    assert len(other["runs"]) == 1
    costs = pl.DataFrame(facts["costs"])
    by_run = [costs.filter(pl.col("run") == row["run"])["requests"].sum() for row in facts["runs"]]
    assert by_run == [kitchen.asked, kitchen.asked_again.total()]
    pantry = {(row["stage"], row["task"]): row["requests"] for row in other["costs"]}
    proposed = DuckDBStore(kitchen.data / "warehouse").read("pantry", "candidate_tags", "proposed_contents")
    assert pantry == {("candidate_tags", "propose"): len(proposed)}  # the endpoint was probed for the kitchen
    first = facts["runs"][0]["run"]
    alone = list_costs(capsys, "kitchen", first[:8])
    assert [row["run"] for row in alone["runs"]] == [first]
    assert {row["run"] for row in alone["costs"]} == {first}
    with pytest.raises(ConfigError, match="pantry has no run"):
        run_costs("pantry", first)


def test_the_table_shows_every_asset_and_task_with_money_and_a_sum_of_all_runs(
    kitchen: Kitchen, capsys: Capture
) -> None:
    capsys.readouterr()
    run_costs("kitchen", None)
    said = capsys.readouterr().out
    assert re.search(r"^run [0-9a-f]{8} of \d{4}-\d\d-\d\d \d\d:\d\d UTC$", said, re.M)
    assert re.search(r"^ +requests +calls +kept +tokens +EUR$", said, re.M)
    assert len(re.findall(r"^  tagged_output +select +\d+", said, re.M)) == 2
    total = kitchen.asked + kitchen.asked_again.total()
    assert f"2 runs together: {total:,} requests, " in said
    assert "sent to" not in said


def test_what_left_the_machine_is_told_with_host_fields_records_and_bytes(kitchen: Kitchen, capsys: Capture) -> None:
    (sent,) = [row for row in list_costs(capsys, "pantry")["egress"] if row["task"] == "propose"]
    proposed = DuckDBStore(kitchen.data / "warehouse").read("pantry", "candidate_tags", "proposed_contents")
    assert (sent["host"], sent["records"], sent["redactions"]) == ("127.0.0.1", len(proposed), 0)
    assert {"title", "caption"} <= set(sent["fields"])
    assert sent["bytes"] > 1000
    run_costs("pantry", None, egress=True)
    said = capsys.readouterr().out
    assert re.search(r"^  sent to +task +records +requests +bytes +masked +fields$", said, re.M)
    assert re.search(rf"^  127\.0\.0\.1 +propose +{len(proposed)} ", said, re.M)


def test_a_dataset_that_never_asked_has_no_costs(kitchen: Kitchen, tmp_path: Path, capsys: Capture) -> None:
    make_dataset(kitchen.data, "offline", read_recipes(3))
    run_costs("offline", None)
    assert "no run has asked a language model yet" in capsys.readouterr().out


def test_an_interrupted_run_keeps_its_answers_and_says_so_in_one_sentence(tmp_path: Path, capsys: Capture) -> None:
    with open_kitchen(tmp_path, latency=0.3, llm=UNCALIBRATED) as server:
        process = subprocess.Popen(
            [TAGFLOW, "run", "kitchen"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
        )
        while len(server.requests) < 15:  # the probe, eight proposals, and the next have begun
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
        sent = len(server.requests)
        run_plan("kitchen", as_json=True)
    assert process.returncode == 130
    (said,) = [line for line in err.splitlines() if line.startswith("tagflow: ")]
    assert "the answers so far are kept: the next run does not pay for them again." in said
    assert "Traceback" not in err
    facts = json.loads(capsys.readouterr().out)
    (proposals,) = [line for line in facts["lines"] if (line["asset"], line["task"]) == ("candidate_tags", "propose")]
    assert 10 <= proposals["kept"] == sent - 5 < 17
    assert proposals["calls"] == 17 - proposals["kept"]
    assert DuckDBStore(tmp_path / "warehouse").version("kitchen") is None, "nothing of it is published"
