"""What starts by itself: new files are asked for once, refreshes come round, and money needs a budget."""

import json
import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from tagflow.adapters.content_folder import look_at_dataset
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


def settle(demo: Demo) -> None:
    """Note the files as they lie there, as a run would: copying the demo changed their times."""
    tables = demo.store.read_all("recipes", "raw_clues")
    tables["source_files"] = look_at_dataset(demo.data / "recipes").files
    demo.store.write("recipes", "raw_clues", tables)


class Watcher:
    """The content sensor, looked through again and again, with the cursor and the clock it has in a daemon."""

    def __init__(self, instance: dg.DagsterInstance, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.instance, self.data, self.cursor, self.now = instance, data, None, time.time()
        register_datasets(instance, data)
        monkeypatch.setattr("tagflow.pipeline.sensors.time", self)

    def time(self) -> float:
        return self.now

    def look(self, later: float = 10.0) -> list[str]:
        """Return the run keys asked for at the next look."""
        self.now += later
        said = look(self.instance, self.data, self.cursor)
        self.cursor = said.cursor
        return [request.run_key for request in said.run_requests or []]


@pytest.fixture
def watcher(demo_copy: Demo, monkeypatch: pytest.MonkeyPatch):
    settle(demo_copy)
    with dg.instance_for_test() as instance:
        yield Watcher(instance, demo_copy.data, monkeypatch)


def test_a_file_is_asked_for_once_two_looks_have_seen_the_same(demo_copy: Demo, watcher: Watcher) -> None:
    assert watcher.look() == []
    for size in range(3):  # a slow writer: every look sees another file
        drop(demo_copy.data, "later.jsonl", *[{**NEW, "id": f"new-{n}"} for n in range(size + 1)], seconds_ago=-1000)
        assert watcher.look() == []
    (key,) = watcher.look()
    assert key.startswith("recipes: ")
    assert [watcher.look() for _ in range(3)] == [[], [], []]


def test_a_file_that_was_moved_here_or_taken_away_is_asked_for_at_once(demo_copy: Demo, watcher: Watcher) -> None:
    assert watcher.look() == []
    path = drop(demo_copy.data, "later.jsonl", NEW)
    (moved,) = watcher.look()
    settle(demo_copy)
    path.unlink()
    (deleted,) = watcher.look()
    assert moved != deleted
    settle(demo_copy)
    assert watcher.look() == []


def test_a_folder_that_is_filled_without_a_pause_is_not_put_off(demo_copy: Demo, watcher: Watcher) -> None:
    assert watcher.look() == []
    whole = drop(demo_copy.data, "whole.jsonl", NEW, seconds_ago=-15)
    growing = drop(demo_copy.data, "growing.jsonl", {**NEW, "id": "new-2"}, seconds_ago=-15)
    assert watcher.look() == [], "both were written since the last look"
    assert whole.stat().st_mtime < watcher.now
    with growing.open("a", encoding="utf-8") as file:
        file.write('{"id": "new-3", "tit')
    os.utime(growing, (watcher.now + 5, watcher.now + 5))
    assert len(watcher.look()) == 1, "one of them is settled"
    result = increment(demo_copy.data)
    assert metadata_of(result, "tagged_output")["tagged_anew"] == 2
    assert metadata_of(result, "raw_clues")["quarantined"] == 1
    with growing.open("a", encoding="utf-8") as file:
        file.write('le": "Potato soup"}\n')
    os.utime(growing, (watcher.now + 5, watcher.now + 5))
    assert watcher.look() == []
    assert len(watcher.look()) == 1, "it is whole, and read again"
    result = increment(demo_copy.data)
    assert metadata_of(result, "tagged_output")["tagged_anew"] == 1
    assert metadata_of(result, "raw_clues")["quarantined"] == 0


def test_a_file_of_the_same_size_and_time_with_another_content_is_seen(demo_copy: Demo, watcher: Watcher) -> None:
    path = drop(demo_copy.data, "later.jsonl", NEW)
    settle(demo_copy)
    seen = path.stat()
    assert watcher.look() == []
    path.write_text(path.read_text(encoding="utf-8").replace("Lentil", "Potato"), encoding="utf-8")
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert path.stat().st_size == seen.st_size
    assert len(watcher.look()) == 1


def test_what_fails_is_asked_for_three_more_times_and_again_when_a_file_changes(
    demo_copy: Demo, watcher: Watcher
) -> None:
    watcher.look()
    drop(demo_copy.data, "later.jsonl", NEW)
    keys = watcher.look()
    for pause in (60, 600, 3600):
        assert watcher.look(pause - 20) == []
        keys += watcher.look(30)
    assert len(set(keys)) == 4
    assert watcher.look(100_000) == []
    drop(demo_copy.data, "later.jsonl", {**NEW, "title": "Another soup"})
    assert len(watcher.look()) == 1


def test_a_clock_that_goes_back_or_ahead_loses_and_doubles_nothing(demo_copy: Demo, watcher: Watcher) -> None:
    assert watcher.look(86_400) == []
    assert watcher.look(-90_000) == []
    drop(demo_copy.data, "later.jsonl", NEW, seconds_ago=-3600)
    assert watcher.look(-3600) == []
    assert len(watcher.look()) == 1
    settle(demo_copy)
    assert watcher.look(7200) == []


def test_files_that_came_while_nobody_looked_are_seen_without_a_cursor(demo_copy: Demo, watcher: Watcher) -> None:
    drop(demo_copy.data, "later.jsonl", NEW, seconds_ago=100_000)
    assert watcher.look() == []
    assert len(watcher.look()) == 1


@pytest.mark.parametrize("cursor", [None, "", "{", '{"recipes": "0123"}', '{"looked": "x", "datasets": {}}'])
def test_a_lost_or_foreign_cursor_asks_for_nothing_that_is_tagged(demo_copy: Demo, watcher: Watcher, cursor) -> None:
    watcher.cursor = cursor
    assert [watcher.look(), watcher.look()] == [[], []]


def test_a_run_in_progress_is_waited_for(demo_copy: Demo, watcher: Watcher) -> None:
    watcher.look()
    job = build_definitions(Workbench(data=str(demo_copy.data))).resolve_job_def("tag_dataset")
    tags = {"dagster/partition": "recipes"}
    run = watcher.instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTED)
    drop(demo_copy.data, "later.jsonl", NEW)
    assert watcher.look() == []
    watcher.instance.report_run_failed(run)
    assert len(watcher.look()) == 1


def test_one_broken_dataset_stops_no_other_and_a_look_never_raises(demo_copy: Demo, watcher: Watcher, caplog) -> None:
    shutil.copytree(demo_copy.data / "recipes", demo_copy.data / "a-broken")
    shutil.copytree(demo_copy.data / "warehouse" / "dataset=recipes", demo_copy.data / "warehouse" / "dataset=a-broken")
    broken = demo_copy.store.path("a-broken", "raw_clues")
    broken.write_bytes(b"no database")
    register_datasets(watcher.instance, demo_copy.data)
    assert watcher.look() == []
    drop(demo_copy.data, "later.jsonl", NEW)
    (key,) = watcher.look()
    assert key.startswith("recipes: ")


def test_an_emptied_folder_takes_no_content_away(demo_copy: Demo, watcher: Watcher) -> None:
    watcher.look()
    (demo_copy.data / "recipes" / "contents").rename(demo_copy.data / "recipes" / "unmounted")
    assert [watcher.look(), watcher.look()] == [[], []]


def test_what_is_no_plain_file_blocks_no_look_and_is_refused_or_passed_over(demo_copy: Demo, watcher: Watcher) -> None:
    watcher.look()
    contents = demo_copy.data / "recipes" / "contents"
    os.mkfifo(contents / "pipe.jsonl")
    (contents / "folder.jsonl").mkdir()
    (contents / "out.jsonl").symlink_to("/etc/passwd")
    (contents / "nowhere.jsonl").symlink_to(contents / "missing")
    drop(demo_copy.data, "later.jsonl", NEW)
    started = time.monotonic()
    assert len(watcher.look()) + len(watcher.look()) == 1
    assert time.monotonic() - started < 5
    result = increment(demo_copy.data)
    assert metadata_of(result, "tagged_output")["tagged_anew"] == 1
    refused = demo_copy.store.read("recipes", "raw_clues", "quarantine")
    assert dict(refused.select("source_file", "reason").rows()) == {
        "nowhere.jsonl": "cannot be read: No such file or directory",
        "out.jsonl": "a symbolic link that leads out of the contents folder",
    }
    assert watcher.look() == []


def test_a_folder_of_ten_thousand_files_is_looked_at_within_five_seconds(demo_copy: Demo, watcher: Watcher) -> None:
    contents = demo_copy.data / "recipes" / "contents"
    for number in range(10_000):
        (contents / f"{number}.jsonl").touch()
    started = time.monotonic()
    watcher.look()
    assert time.monotonic() - started < 5


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
            if table == "source_files":
                assert set(frame["source_file"]) - set(old["source_file"]) == {"later.jsonl"}
                continue
            if table == "costs":
                assert (frame["contents"] - old["contents"]).to_list() == [1]
                continue
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
    graves = demo_copy.store.read("recipes", "raw_clues", "tombstones")
    assert set(graves["content_id"]) == {"new-1", "new-2"}
    assert set(graves["source_file"]) == {"later.jsonl"}
    drop(demo_copy.data, "later.jsonl", NEW)
    said = metadata_of(increment(demo_copy.data), "raw_clues")
    assert (said["new"], said["changed"], said["gone"], said["tombstones"]) == (1, 0, 0, 1)


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
    with dg.instance_for_test() as instance:
        assert tick(instance, demo_copy.data, at("2100-01-01T03:01")) == ["recipes"]
        assert tick(instance, demo_copy.data, at("2001-01-01T03:01")) == "no dataset is due"


def tick(instance: dg.DagsterInstance, data: Path, when: datetime) -> list[str] | str:
    """Return the datasets that the refresh schedule asks for, or why it asks for none."""
    resources = {"workbench": Workbench(data=str(data))}
    with dg.build_schedule_context(instance, resources=resources, scheduled_execution_time=when) as context:
        said = refresh_schedule(context)
    return said.skip_message if isinstance(said, dg.SkipReason) else [request.partition_key for request in said]


def test_a_refresh_waits_for_a_run_of_its_dataset_and_for_no_other(demo_copy: Demo) -> None:
    line = '\nschedule: {refresh: "0 3 * * *"}\n'
    settings = demo_copy.data / "recipes" / "dataset.yaml"
    settings.write_text(settings.read_text(encoding="utf-8") + line, encoding="utf-8")
    when, job = at("2100-01-01T03:01"), build_definitions(Workbench()).resolve_job_def("tag_dataset")
    with dg.instance_for_test() as instance:
        other = {"dagster/partition": "other"}
        instance.create_run_for_job(job, tags=other, status=dg.DagsterRunStatus.STARTED)
        assert tick(instance, demo_copy.data, when) == ["recipes"]
        tags = {"dagster/partition": "recipes"}
        for status in (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED):
            run = instance.create_run_for_job(job, tags=tags, status=status)
            why = tick(instance, demo_copy.data, when)
            assert why == f"recipes is due since 2100-01-01T03:00:00+00:00, and run {run.run_id} of it is still on"
            instance.report_run_failed(run)
        shutil.copytree(demo_copy.data / "recipes", demo_copy.data / "second")
        shutil.copytree(
            demo_copy.data / "warehouse" / "dataset=recipes", demo_copy.data / "warehouse" / "dataset=second"
        )
        instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTED)
        assert tick(instance, demo_copy.data, when) == ["second"]


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
