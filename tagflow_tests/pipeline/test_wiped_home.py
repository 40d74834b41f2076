"""What Dagster remembers of runs may be lost: what is tagged and paid for is known from the dataset alone."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.runs import QUIET, prepare_home
from tagflow.pipeline.datasets import register_datasets
from tagflow.pipeline.definitions import build_definitions
from tagflow.pipeline.resources import Workbench
from tagflow.pipeline.selection import choose_assets
from tagflow.pipeline.sensors import content_sensor
from tagflow_tests.chaos.llm import NAME
from tagflow_tests.chaos.runs import UP_TO_TAGS, environment, name_endpoint
from tagflow_tests.chaos.wiring import unwire, wire
from tagflow_tests.chaos.worlds import write_world
from tagflow_tests.llm.fault_server import FaultServer
from tagflow_tests.llm.keyword_reader import read_words
from tagflow_tests.pipeline.runs import metadata_of

CONTENTS = 30


@pytest.fixture(autouse=True)
def wired(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DAGSTER_HOME", "")
    wire()
    yield
    unwire()


def in_home(data: Path, act: Callable[[dg.DagsterInstance, dg.Definitions], dg.ExecuteInProcessResult]) -> list[object]:
    """Run something in a real Dagster home beside the data; return the id of the run and what tagging said of it."""
    prepare_home(data)
    with dg.DagsterInstance.get() as instance:
        register_datasets(instance, data)
        result = act(instance, build_definitions(Workbench(data=str(data))))
        assert [run.run_id for run in instance.get_runs()] == [result.run_id], "this home knows of no other run"
        said = metadata_of(result, "tagged_output")
        return [said["tagged_anew"], said["kept_as_they_were"]]


def run_plainly(instance: dg.DagsterInstance, definitions: dg.Definitions) -> dg.ExecuteInProcessResult:
    job, chosen = definitions.resolve_implicit_global_asset_job_def(), choose_assets(definitions, UP_TO_TAGS)
    return job.execute_in_process(instance=instance, partition_key=NAME, asset_selection=chosen, run_config=QUIET)


def run_as_the_sensor_asks(instance: dg.DagsterInstance, definitions: dg.Definitions) -> dg.ExecuteInProcessResult:
    job = definitions.resolve_job_def("tag_new_contents")
    return job.execute_in_process(instance=instance, partition_key=NAME, run_config=QUIET)


def look(data: Path, looks: int) -> list[str]:
    """Return the datasets that so many looks of the content sensor ask for in a new Dagster home."""
    prepare_home(data)
    asked, cursor = [], None
    with dg.DagsterInstance.get() as instance:
        register_datasets(instance, data)
        for _ in range(looks):
            resources = {"workbench": Workbench(data=str(data))}
            with dg.build_sensor_context(instance=instance, resources=resources, cursor=cursor) as context:
                said = content_sensor(context)
            cursor = said.cursor
            asked += [request.partition_key for request in said.run_requests or []]
    return asked


def test_after_dagsters_home_was_wiped_nothing_is_tagged_or_paid_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_world(data, NAME, 0, CONTENTS)
    home = data / ".dagster"
    with FaultServer(read_words) as server, environment(name_endpoint(server, "reader")):
        anew, kept = in_home(data, run_plainly)
        paid = len(server.requests)
        assert (anew > 0, kept, paid >= anew) == (True, 0, True)
        before = DuckDBStore(data / "warehouse").read_all(NAME, "tagged_output")

        shutil.rmtree(home)
        assert look(data, 3) == [], "no file is another one than was read"

        shutil.rmtree(home)
        assert in_home(data, run_plainly) == [0, anew]

        shutil.rmtree(home)
        contents = sorted((data / NAME / "contents").iterdir())
        for path in contents:
            os.utime(path, (1, 1))
        assert look(data, 3) == [NAME], "a file was touched, and nobody knows why before it is read"

        shutil.rmtree(home)
        assert in_home(data, run_as_the_sensor_asks) == [0, anew]
        assert look(data, 3) == []
        assert len(server.requests) == paid
    after = DuckDBStore(data / "warehouse").read_all(NAME, "tagged_output")
    assert all(after[table].equals(rows) for table, rows in before.items())
