"""What people are told: failed runs, checks that do not pass, a tag that swallows the contents, a budget that ended."""

import math
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.pipeline.alerts import Alert
from tagflow.pipeline.checks import answered
from tagflow.pipeline.definitions import build_defs
from tagflow.pipeline.pages import ENTROPY, SHARE
from tagflow.pipeline.resources import Workbench
from tagflow.schemas import TAGGED_OUTPUT
from tagflow_tests.frames import make_frame
from tagflow_tests.pipeline.runs import make_dataset, read_recipes

PREFIX = ["media"]


class Place:
    """A deployment in which tagflow is mounted with alerts, and what was sent."""

    def __init__(self, data: Path, instance: dg.DagsterInstance) -> None:
        """Mount it, with a job that only checks the tags given."""
        self.sent: list[Alert] = []
        self.instance = instance
        ours = build_defs(PREFIX, {"workbench": Workbench(data=str(data))}, alert=self.sent.append)
        tagged = dg.AssetKey([*PREFIX, "tagged_output"])
        chosen = [dg.AssetCheckKey(tagged, name) for name in ("drift", "answered")]
        only = dg.define_asset_job("only", dg.AssetSelection.checks(*chosen), executor_def=dg.in_process_executor)
        self.definitions = dg.Definitions.merge(ours, dg.Definitions(jobs=[only]))

    def run(self, job: str, name: str) -> dg.ExecuteInProcessResult:
        """Run a job on a dataset; its failure is no exception."""
        resolved = self.definitions.resolve_job_def(job)
        given = {"tags": {"dagster/partition": name}} if job == "only" else {"partition_key": name}
        return resolved.execute_in_process(instance=self.instance, raise_on_error=False, **given)

    def alert(self, sensor: str, result: dg.ExecuteInProcessResult) -> list[Alert]:
        """Evaluate a sensor as the daemon would, and return what it sent."""
        ended = result.get_run_failure_event if not result.success else result.get_run_success_event
        self.sent.clear()
        context = dg.build_run_status_sensor_context(
            sensor_name=sensor,
            dagster_event=ended(),
            dagster_instance=self.instance,
            dagster_run=result.dagster_run,
        )
        named = self.definitions.resolve_sensor_def(sensor)
        named(context.for_run_failure() if not result.success else context)
        return list(self.sent)


def tell_earlier(instance: dg.DagsterInstance, shares: list[float], entropy: float) -> None:
    """Report earlier materializations of the tags given."""
    for share in shares:
        key = dg.AssetKey([*PREFIX, "tagged_output"])
        told = {SHARE: dg.MetadataValue.float(share), ENTROPY: dg.MetadataValue.float(entropy)}
        instance.report_runless_asset_event(dg.AssetMaterialization(key, metadata=told, partition="some"))


def store_tags(data: Path, contents: int, tagged: int) -> None:
    """Store the tags of contents: one on so many of them, and one of its own on each."""
    rows = [(f"c{number}", f"own {number}") for number in range(contents)]
    rows += [(f"c{number}", "common") for number in range(tagged)]
    said = [{"content_id": content, "tag_id": tag, "tag": tag} for content, tag in rows]
    tables = {name: table.empty() for name, table in TAGGED_OUTPUT.tables.items()}
    rest = {"path": "C2T", "evidence": "", "band": "apply", "model": "m", "vocabulary_version": "v"}
    numbers = {"rank": 1, "confidence": 0.9, "neighbours": [], "votes": 0}
    tables["tagged_output"] = make_frame(TAGGED_OUTPUT.tables["tagged_output"], said, **rest, **numbers)
    DuckDBStore(data / "warehouse").write("some", "tagged_output", tables)


def test_a_tag_that_swallows_the_contents_is_a_warning_with_its_figures(tmp_path: Path) -> None:
    """After six runs with the commonest tag on 20 of 100 contents it is on 60; chance would move it by about 5."""
    make_dataset(tmp_path, "some", read_recipes(1))
    store_tags(tmp_path, 100, 60)
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("datasets", ["some"])
        place = Place(tmp_path, instance)
        first = {check.check_name: check for check in place.run("only", "some").get_asset_check_evaluations()}
        assert first["answered"].passed
        assert first["drift"].passed
        assert first["drift"].description == "too few earlier runs to compare with"
        assert first["drift"].metadata[SHARE].value == pytest.approx(0.6)
        entropy = float(str(first["drift"].metadata[ENTROPY].value))
        assert entropy == pytest.approx(-(60 / 160 * math.log2(60 / 160) + 100 / 160 * math.log2(1 / 160)))
        tell_earlier(instance, [0.2] * 6, entropy)
        result = place.run("only", "some")
        (drifted,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "drift"]
        assert (drifted.passed, drifted.severity) == (False, dg.AssetCheckSeverity.WARN)
        assert drifted.metadata["earlier_runs"].value == 6
        off = 0.4 / (math.sqrt(0.6 * 0.4 / 100) * math.sqrt(1 + 1 / 6))
        (alert,) = place.alert("media_check_alerts", result)
        assert alert == (
            "warning",
            "some",
            "media/tagged_output",
            "drift",
            f"largest share lies {off:+.1f} deviations off 6 earlier runs",
            result.run_id,
        )
        tell_earlier(instance, [0.6] * 30, entropy)
        result = place.run("only", "some")
        assert place.alert("media_check_alerts", result) == []


def test_a_run_that_fails_is_told_with_its_reason_and_no_content(tmp_path: Path) -> None:
    make_dataset(tmp_path, "wrong", read_recipes(3), columns={"title": "headline"})
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("datasets", ["wrong"])
        place = Place(tmp_path, instance)
        (alert,) = place.alert("media_failure_alerts", place.run("media_tag_dataset", "wrong"))
    assert alert[:4] == ("run", "wrong", "", "raw_clues")
    assert "columns.title names the column 'headline', which no record has" in alert.said
    assert "\n" not in alert.said
    assert str(read_recipes(1)[0]["title"]) not in alert.said


def test_a_budget_that_ended_is_a_warning_that_says_how_to_go_on() -> None:
    letters = [
        {"content_id": "a", "task": "select", "outcome": "over_budget"},
        {"content_id": "a", "task": "judge", "outcome": "over_budget"},
        {"content_id": "b", "task": "select", "outcome": "stopped"},
        {"content_id": "c", "task": "judge", "outcome": "refused"},
    ]
    table = make_frame(TAGGED_OUTPUT.tables["dead_letters"], letters, reason="", requests=1)
    result = answered({"dead_letters": table})
    assert isinstance(result, dg.AssetCheckResult)
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert result.description == (
        "the budget ended before 1 contents were answered; 1 questions were given up; the job ask_again asks for them"
    )
    counts = {name: value.value for name, value in result.metadata.items()}
    assert counts == {"waiting": 2, "dead_letters": 1, "over_budget": 1}
    assert answered({"dead_letters": table.filter(pl.lit(False))}).passed


def test_without_a_function_to_call_there_is_no_alert() -> None:
    sensors = {sensor.name for sensor in build_defs().get_repository_def().sensor_defs}
    assert sensors == {"dataset_sensor", "content_sensor", "leaderboard_sensor"}
