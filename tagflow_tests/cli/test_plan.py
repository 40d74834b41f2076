"""What a run would ask and cost, before it: the plan is compared with what the run that follows really asks."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.plans import run_plan
from tagflow.cli.retries import run_failed
from tagflow.settings import NGRAMS
from tagflow_tests.cli.kitchens import COUNT, KEY, open_kitchen, read_costs
from tagflow_tests.conftest import CHECKOUT, Demo
from tagflow_tests.llm.fault_server import FaultServer, Request
from tagflow_tests.pipeline.runs import make_dataset, materialize, read_recipes

Capture = pytest.CaptureFixture[str]


class Planned(NamedTuple):
    """A dataset's first plan, the requests that its run then made, and a plan after it."""

    data: Path
    server: FaultServer
    sent_by_plan: int
    before: dict[str, Any]
    made: dict[tuple[str, str], int]
    after: dict[str, Any]


def say_plan(capsys: Capture, name: str = "kitchen", *, as_json: bool = False) -> str:
    """Return what the command prints."""
    capsys.readouterr()
    run_plan(name, as_json=as_json)
    return capsys.readouterr().out


def by_task(facts: dict[str, Any], number: str) -> dict[tuple[str, str], int]:
    """Return a number of the plan's lines by asset and task, without zeros."""
    return {(line["asset"], line["task"]): line[number] for line in facts["lines"] if line[number]}


TAGGING = ("confidence_model", "tagged_output")
"""Contents with labels go through the questions of tagging first, to calibrate the confidence."""


def sum_up(numbers: dict[tuple[str, str], int], task: str) -> int:
    """Return a task's number over the assets that tag."""
    return sum(numbers.get((stage, task), 0) for stage in TAGGING)


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planned]:
    data = tmp_path_factory.mktemp("kitchen") / "data"
    with open_kitchen(data, evaluation={"methods": None}) as server, pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr("click.echo", said.append)
        run_plan("kitchen", as_json=True)
        sent = len(server.requests)
        materialize(data, "kitchen")
        made = read_costs(data)
        run_plan("kitchen", as_json=True)
        patch.undo()
        yield Planned(data, server, sent, json.loads(said[0]), made, json.loads(said[-1]))


def test_a_first_plan_sends_nothing_and_counts_proposals_and_selections_as_they_are_made(planned: Planned) -> None:
    assert planned.sent_by_plan == 0
    said = by_task(planned.before, "requests")
    selecting = [(stage, "select") for stage in (*TAGGING, "evaluation_report")]
    for stage, task in (("candidate_tags", "propose"), *selecting):
        assert said[stage, task] == planned.made[stage, task] > 0, (stage, task)
    assert sum_up(said, "select") == COUNT
    assert said["candidate_tags", "probe"] == planned.made["candidate_tags", "probe"] == 5
    assert set(planned.made) <= set(said)


def test_judgements_stay_within_what_was_said_to_be_the_most(planned: Planned) -> None:
    judged = sum_up(planned.made, "judge")
    assert sum_up(by_task(planned.before, "requests"), "judge") == 5 * COUNT
    assert 0 < judged <= sum_up(by_task(planned.before, "requests_most"), "judge") == 20 * COUNT
    assert planned.before["chosen_from"] == "tagflow"
    total = planned.before["total"]
    assert total["requests"] <= total["requests_most"]
    assert len(planned.server.requests) <= total["requests_most"]


def test_a_plan_after_the_run_says_nothing_is_asked_and_that_every_content_stands(planned: Planned) -> None:
    assert not planned.after["paid"]
    assert (planned.after["contents_to_tag_anew"], planned.after["contents_that_stand"]) == (0, COUNT)
    assert planned.after["total"]["requests_most"] == planned.after["total"]["money_most"] == 0
    assert ("tagged_output", "select") not in by_task(planned.after, "kept"), "not even kept answers are looked up"
    assert planned.after["tag_set_stands"]
    assert planned.after["chosen"] == pytest.approx(sum_up(planned.made, "judge") / COUNT)


def test_a_changed_content_is_planned_alone_with_the_average_of_earlier_runs(
    planned: Planned, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = planned.data / "kitchen" / "contents" / "contents.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    changed = {**json.loads(lines[0]), "title": "A stew of carrots and parsnips", "split": "fit"}
    try:
        path.write_text("\n".join([json.dumps(changed), *lines[1:]]) + "\n", encoding="utf-8")
        facts = json.loads(say_plan(capsys, as_json=True))
        words = say_plan(capsys)
    finally:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    asked = by_task(facts, "calls")
    because, anew = facts["because"], facts["contents_to_tag_anew"]
    assert because["the content changed"] == 1
    assert set(because) <= {"the content changed", "other candidates", "other evidence"}, "its neighbours may miss it"
    assert f"Contents tagged anew: {anew} of {COUNT} (" in words
    assert asked["candidate_tags", "propose"] == 1
    assert asked["tagged_output", "select"] >= 1
    assert asked["tagged_output", "select"] < COUNT
    assert by_task(facts, "calls_most")["tagged_output", "select"] == COUNT
    assert ("candidate_tags", "probe") not in asked
    assert "the average of its earlier runs" in words
    assert "as it stands" in words


def test_a_changed_prompt_is_planned_for_every_content_and_what_it_does_not_touch_is_kept(
    planned: Planned, capsys: Capture
) -> None:
    """The judge has other words: each content is judged again, and the selections are there already."""
    own = planned.data / "kitchen" / "prompts" / "judge.jinja"
    text = (CHECKOUT / "tagflow" / "prompts" / "en" / "judge.jinja").read_text(encoding="utf-8")
    own.parent.mkdir()
    try:
        own.write_text(text.replace("{% block system %}", "{% block system %}\nBe strict."), encoding="utf-8")
        facts, said = json.loads(say_plan(capsys, as_json=True)), say_plan(capsys)
    finally:
        shutil.rmtree(own.parent)
    assert facts["because"] == {"another prompt": COUNT}
    assert f"Contents tagged anew: {COUNT} of {COUNT} (another prompt: {COUNT})." in said
    assert by_task(facts, "calls") == {(stage, "judge"): planned.made[stage, "judge"] for stage in TAGGING}
    assert by_task(facts, "kept")["tagged_output", "select"] == COUNT
    assert facts["total"]["money"] == facts["total"]["money_most"] > 0


def test_the_budget_stands_beside_the_plan_and_is_compared(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_kitchen(tmp_path):
        before = json.loads(say_plan(capsys, as_json=True))["total"]
        assert "Budget: none" in say_plan(capsys)
        low, high = before["requests"], before["requests_most"]
        verdicts = {low - 1: "does not fit", low: "fits as expected, not at most", high: "fits"}
        for budget, verdict in verdicts.items():
            monkeypatch.setenv("TAGFLOW_LLM_BUDGET", f"{budget} requests, 100 EUR")
            said = say_plan(capsys)
            assert f"{budget:,} requests: {verdict}; 100.00 EUR: fits." in said
            assert ("--failed-only" in said) is (verdict != "fits")
        money = before["prompt_tokens"] * 1e-6 + before["completion_tokens"] * 2e-6  # at 1/2 EUR a million
        assert before["money"] == pytest.approx(money)
        monkeypatch.delenv("TAGFLOW_LLM_BUDGET")
        monkeypatch.delenv("TAGFLOW_LLM_PRICE")
        assert "Set TAGFLOW_LLM_PRICE to see money" in say_plan(capsys)
        assert KEY not in said
        assert not (tmp_path / "warehouse").exists()


def test_pairs_of_near_tags_are_counted_at_most_before_there_are_proposals(tmp_path: Path, capsys: Capture) -> None:
    with open_kitchen(tmp_path, llm={"confirmations": 7}):
        facts = json.loads(say_plan(capsys, as_json=True))
    (line,) = [line for line in facts["lines"] if line["task"] == "confirm"]
    assert (line["asset"], line["calls_most"], line["exact"]) == ("fused_tagset", 7, False)


def test_for_an_embedded_dataset_nothing_is_paid(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_dataset(tmp_path, "offline", read_recipes(3))
    monkeypatch.setenv("TAGFLOW_DATA", str(tmp_path))
    assert "asks no language model and nothing is paid" in say_plan(capsys, "offline")
    assert json.loads(say_plan(capsys, "offline", as_json=True))["paid"] is False


def test_a_part_of_a_run_is_planned_as_it_is_then_run(tmp_path: Path, capsys: Capture) -> None:
    with open_kitchen(tmp_path, evaluation={"methods": None}) as server:
        materialize(tmp_path, "kitchen", "*confidence_model")
        run_plan("kitchen", "tagged_output", as_json=True)
        facts = json.loads(capsys.readouterr().out)
        assert facts["assets"] == ["tagged_output"]
        assert {line["asset"] for line in facts["lines"]} == {"tagged_output"}
        before = len(server.requests)
        materialize(tmp_path, "kitchen", "tagged_output")
        made = len(server.requests) - before
        assert facts["total"]["requests"] <= facts["total"]["requests_most"]
        selected = by_task(facts, "requests")["tagged_output", "select"]
        assert selected < made <= facts["total"]["requests_most"], "those with labels were asked about before"
        assert "the next run of tagged_output would ask" in say_part(capsys, "tagged_output")
        run_plan("kitchen", "filtered_tagset", as_json=True)
        assert json.loads(capsys.readouterr().out)["lines"] == []


def test_what_failed_is_planned_alone(tmp_path: Path, capsys: Capture) -> None:
    with open_kitchen(tmp_path) as server:
        materialize(tmp_path, "kitchen", "*confidence_model")
        server.faults = lambda request: "content_filter" if selects(request) else ""
        materialize(tmp_path, "kitchen", "tagged_output")
        store = DuckDBStore(tmp_path / "warehouse")
        status = store.read("kitchen", "tagged_output", "content_status")
        failed = len(status.filter(pl.col("status") == "dead_lettered"))
        assert 0 < failed < COUNT
        run_plan("kitchen", failed=True, as_json=True)
        facts = json.loads(capsys.readouterr().out)
        assert by_task(facts, "requests")["tagged_output", "select"] == failed
        assert {line["asset"] for line in facts["lines"] if line["calls_most"]} == {"tagged_output"}
        server.faults = lambda request: ""
        before = len(server.requests)
        run_failed("kitchen")
        asked = [request for request in server.requests[before:] if selects(request)]
        assert len(asked) == failed
        assert len(server.requests) - before <= facts["total"]["requests_most"]


def selects(request: Request) -> bool:
    """Return whether a request asks for a selection."""
    return '{"numbers":' in request.body["messages"][0]["content"]


def say_part(capsys: Capture, select: str) -> str:
    """Return what the command prints of a part of a run."""
    capsys.readouterr()
    run_plan("kitchen", select)
    return capsys.readouterr().out


def test_an_order_is_planned_as_one_question_a_content(tmp_path: Path, capsys: Capture) -> None:
    tagging = {"method": "taggpt_selective", "settings": {"rerank": True}}
    with open_kitchen(tmp_path, tagging=tagging) as server:
        materialize(tmp_path, "kitchen", "*confidence_model")
        capsys.readouterr()
        run_plan("kitchen", "tagged_output", as_json=True)
        facts = json.loads(capsys.readouterr().out)
        before = len(server.requests)
        materialize(tmp_path, "kitchen", "tagged_output")
        made = read_costs(tmp_path)
        assert by_task(facts, "requests")["tagged_output", "select"] == made["tagged_output", "select"] == COUNT
        assert by_task(facts, "requests")["tagged_output", "rerank"] == COUNT
        assert 0 < made["tagged_output", "rerank"] <= COUNT, "contents without a chosen tag need no order"
        assert len(server.requests) - before <= facts["total"]["requests_most"]


def test_for_an_embedded_dataset_the_plan_says_which_contents_do_not_stand(
    demo_copy: Demo, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One content more and another cut: only the content is new, as what was judged is cut anew by every run."""
    monkeypatch.setenv("TAGFLOW_DATA", str(demo_copy.data))
    assert "Contents tagged anew: 0 of 176." in say_plan(capsys, "recipes")
    record = {"id": "new-1", "title": "Lentil soup with lemon", "caption": "Red lentils and garlic in one pot."}
    folder = demo_copy.data / "recipes"
    (folder / "contents" / "later.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    (folder / "dataset.yaml").write_text(
        (folder / "dataset.yaml").read_text(encoding="utf-8") + "\ntagging: {top_k: 3}\n", encoding="utf-8"
    )
    assert "Contents tagged anew: 1 of 177 (no answer yet: 1)." in say_plan(capsys, "recipes")
    facts = json.loads(say_plan(capsys, "recipes", as_json=True))
    assert (facts["contents_to_tag_anew"], facts["contents_that_stand"]) == (1, 176)
    assert demo_copy.store.read("recipes", "raw_clues").height == 176, "nothing is stored"
    changed = (folder / "dataset.yaml").read_text(encoding="utf-8") + f"encoder: {{model: {NGRAMS}}}\n"
    (folder / "dataset.yaml").write_text(changed, encoding="utf-8")
    said = say_plan(capsys, "recipes")
    assert "Contents tagged anew: all. content_tag_graph was made with another encoder" in " ".join(said.split())
