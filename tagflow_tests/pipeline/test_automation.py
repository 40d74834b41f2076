"""What starts by itself: new files are asked for once, refreshes come round, and money needs a budget."""

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.pipeline.budget import default_status
from tagflow.pipeline.datasets import register_datasets
from tagflow.pipeline.definitions import build_definitions
from tagflow.pipeline.resources import Workbench
from tagflow.pipeline.schedules import find_due, refresh_schedule
from tagflow.pipeline.sensors import content_sensor
from tagflow.schemas import ARTIFACTS
from tagflow_tests.conftest import Demo
from tagflow_tests.pipeline.runs import make_dataset, metadata_of
from tagflow_tests.stored_files import stored_tables

NEW = {"id": "new-1", "title": "Lentil soup with lemon", "caption": "Red lentils and garlic in one pot."}


def look(instance: dg.DagsterInstance, data: Path, cursor: str | None = None) -> dg.SensorResult:
    """Return one look of the content sensor."""
    resources = {"workbench": Workbench(data=str(data))}
    with dg.build_sensor_context(instance=instance, resources=resources, cursor=cursor) as context:
        return content_sensor(context)


def drop(data: Path, name: str, *records: dict[str, object], seconds_ago: float = 60) -> Path:
    """Put a file into the dataset's contents, written some seconds ago."""
    path = data / "recipes" / "contents" / name
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    then = time.time() - seconds_ago
    os.utime(path, (then, then))
    return path


def increment(data: Path) -> dg.ExecuteInProcessResult:
    """Run the job that tags new contents, as the sensor asks for it."""
    with dg.instance_for_test() as instance:
        register_datasets(instance, data)
        job = build_definitions(Workbench(data=str(data))).resolve_job_def("tag_new_contents")
        return job.execute_in_process(instance=instance, partition_key="recipes")


def test_changed_files_are_asked_for_once_when_they_are_quiet(demo_copy: Demo, monkeypatch) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 60)
    with dg.instance_for_test() as instance:
        register_datasets(instance, demo_copy.data)
        first = look(instance, demo_copy.data)
        drop(demo_copy.data, "later.jsonl", NEW)
        asked = look(instance, demo_copy.data, first.cursor)
        (request,) = asked.run_requests
        assert request.partition_key == "recipes"
        again = look(instance, demo_copy.data, asked.cursor)
        assert not again.run_requests
        drop(demo_copy.data, "later.jsonl", NEW, {**NEW, "id": "new-2"})
        (second,) = look(instance, demo_copy.data, asked.cursor).run_requests
        assert second.run_key != request.run_key


def test_a_file_that_is_still_being_written_waits(demo_copy: Demo, monkeypatch) -> None:
    with dg.instance_for_test() as instance:
        register_datasets(instance, demo_copy.data)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 60)
        cursor = look(instance, demo_copy.data).cursor
        monkeypatch.undo()
        drop(demo_copy.data, "later.jsonl", NEW, seconds_ago=0)
        waiting = look(instance, demo_copy.data, cursor)
        assert not waiting.run_requests
        assert waiting.cursor == cursor
        monkeypatch.setattr(time, "time", lambda: now + 120)
        assert len(look(instance, demo_copy.data, waiting.cursor).run_requests) == 1


def test_files_that_came_while_nobody_looked_are_seen_without_a_cursor(demo_copy: Demo, monkeypatch) -> None:
    store = demo_copy.store.path("recipes", "raw_clues")
    drop(demo_copy.data, "later.jsonl", NEW)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 60)
    with dg.instance_for_test() as instance:
        register_datasets(instance, demo_copy.data)
        os.utime(store, (now - 3600, now - 3600))
        assert len(look(instance, demo_copy.data).run_requests) == 1
        os.utime(store, (now + 30, now + 30))
        assert not look(instance, demo_copy.data).run_requests


def test_a_dataset_that_was_never_run_is_left_to_a_person(tmp_path: Path) -> None:
    make_dataset(tmp_path, "fresh", [NEW])
    with dg.instance_for_test() as instance:
        register_datasets(instance, tmp_path)
        assert not look(instance, tmp_path).run_requests


def test_an_increment_tags_the_new_content_and_leaves_all_other_rows_and_artifacts(demo_copy: Demo) -> None:
    before = {name: demo_copy.store.read_all("recipes", name) for name in ARTIFACTS}
    drop(demo_copy.data, "later.jsonl", NEW)
    result = increment(demo_copy.data)
    said = metadata_of(result, "tagged_output")
    assert (said["tagged_anew"], said["kept_as_they_were"]) == (1, 176)
    assert metadata_of(result, "content_tag_graph")["inserted"] == 1
    assert metadata_of(result, "content_tag_graph")["vectors_computed"] == 1
    for name in ARTIFACTS:
        for table, frame in demo_copy.store.read_all("recipes", name).items():
            old = before[name][table]
            if name in ("raw_clues", "content_tag_graph", "tagged_output"):
                key = "node" if "node" in frame.columns else "content_id"
                frame = frame.filter(pl.col(key) != "new-1") if key in frame.columns else frame
            assert frame.sort(frame.columns[:2]).equals(old.sort(old.columns[:2])), (name, table)
    tagged = demo_copy.store.read("recipes", "tagged_output").filter(pl.col("content_id") == "new-1")
    assert {"soup", "lentils"} <= set(tagged["tag"])


def test_an_edited_content_is_tagged_anew_and_a_deleted_one_leaves(demo_copy: Demo) -> None:
    path = drop(demo_copy.data, "later.jsonl", NEW, {**NEW, "id": "new-2"})
    increment(demo_copy.data)
    drop(demo_copy.data, "later.jsonl", {**NEW, "title": "Chocolate cake", "caption": "Bake it, with butter and eggs."})
    result = increment(demo_copy.data)
    assert metadata_of(result, "tagged_output")["tagged_anew"] == 1
    assert metadata_of(result, "content_tag_graph")["forgotten"] == 2
    tagged = demo_copy.store.read("recipes", "tagged_output")
    assert "chocolate" in set(tagged.filter(pl.col("content_id") == "new-1")["tag"])
    assert "lentils" not in set(tagged.filter(pl.col("content_id") == "new-1")["tag"])
    assert "new-2" not in set(tagged["content_id"])
    path.unlink()
    increment(demo_copy.data)
    nodes = demo_copy.store.read("recipes", "content_tag_graph", "vectors")["node"]
    assert not {"new-1", "new-2"} & set(nodes)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "last", "due"),
    [
        ("2026-11-20T03:04", "2026-11-19T12:00", "2026-11-20T03:00"),  # came round four minutes ago
        ("2026-11-20T02:59", "2026-11-19T12:00", None),  # not yet
        ("2026-11-20T09:00", "2026-11-17T12:00", "2026-11-20T03:00"),  # three were missed: one refresh
        ("2026-11-20T09:00", "2026-11-20T03:01", None),  # done
        ("2026-11-20T03:00", "2026-11-19T12:00", "2026-11-20T03:00"),  # on the minute
    ],
)
def test_a_refresh_is_due_once_its_time_came_round_since_the_last(now: str, last: str, due: str | None) -> None:
    assert find_due("0 3 * * *", at(now), at(last)) == (at(due) if due else None)


def test_nothing_is_due_for_a_dataset_that_was_never_run() -> None:
    assert find_due("* * * * *", at("2026-11-20T03:00"), None) is None


def test_the_schedule_asks_for_the_datasets_that_are_due_and_no_wrong_one_stops_it(demo_copy: Demo) -> None:
    settings = demo_copy.data / "recipes" / "dataset.yaml"
    settings.write_text(settings.read_text(encoding="utf-8") + '\nschedule: {refresh: "0 3 * * *"}\n', encoding="utf-8")
    make_dataset(demo_copy.data, "broken", [], tagging={"metod": "x"})
    make_dataset(demo_copy.data, "never", [], schedule={"refresh": "* * * * *"})
    resources = {"workbench": Workbench(data=str(demo_copy.data))}
    with dg.instance_for_test() as instance:
        for when, asked in ((at("2100-01-01T03:01"), ["recipes"]), (at("2001-01-01T03:01"), [])):
            with dg.build_schedule_context(instance, resources=resources, scheduled_execution_time=when) as context:
                said = refresh_schedule(context)
            keys = [] if isinstance(said, dg.SkipReason) else [request.partition_key for request in said]
            assert keys == asked


def test_what_could_spend_money_waits_for_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TAGFLOW_LLM_BASE_URL", "TAGFLOW_LLM_BUDGET"):
        monkeypatch.delenv(name, raising=False)
    assert default_status(dg.DefaultSensorStatus) is dg.DefaultSensorStatus.RUNNING
    monkeypatch.setenv("TAGFLOW_LLM_BASE_URL", "http://127.0.0.1:9/v1")
    assert default_status(dg.DefaultSensorStatus) is dg.DefaultSensorStatus.STOPPED
    assert default_status(dg.DefaultScheduleStatus) is dg.DefaultScheduleStatus.STOPPED
    monkeypatch.setenv("TAGFLOW_LLM_BUDGET", "5 EUR")
    assert default_status(dg.DefaultSensorStatus) is dg.DefaultSensorStatus.RUNNING


def test_damage_that_a_schema_forbids_fails_its_check(demo_copy: Demo) -> None:
    store = DuckDBStore(demo_copy.data / "warehouse")
    assert [fault for name in ARTIFACTS for fault in store.find_faults("recipes", name)] == []
    with stored_tables(store, "recipes", "filtered_tagset") as connection:
        connection.execute("UPDATE filtered_tagset SET tag = NULL WHERE key = 'garlic'")
        connection.execute("INSERT INTO filtered_tagset SELECT * FROM filtered_tagset WHERE key = 'pasta'")
    assert store.find_faults("recipes", "filtered_tagset") == [
        "filtered_tagset.tag is null in 1 rows",
        "filtered_tagset: 1 keys ('key',) stand more than once",
    ]
