"""One run writes a dataset at a time; who lost the right to publishes nothing."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import polars as pl
import pytest

from tagflow.adapters.dataset_lease import Lease, read_holder
from tagflow.adapters.dataset_versions import Stage
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.errors import ArtifactError
from tagflow_tests.conftest import CHECKOUT

HOLDER = """
import sys, time
from pathlib import Path
from tagflow.adapters.dataset_lease import Lease
lease = Lease(Path(sys.argv[1]), "toy", sys.argv[2]).acquire(0)
print("held", flush=True)
time.sleep(60)
"""


def hold(folder: Path, run: str) -> subprocess.Popen[str]:
    """Start a process that holds the lease."""
    environment = {**os.environ, "PYTHONPATH": f"{CHECKOUT}{os.pathsep}{os.environ['PYTHONPATH']}"}
    command = [sys.executable, "-c", HOLDER, str(folder), run]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_second_run_is_refused_by_the_name_of_the_first_or_waits_for_it(tmp_path: Path) -> None:
    process = hold(tmp_path, "run-1")
    try:
        with pytest.raises(ArtifactError) as caught:
            Lease(tmp_path, "toy", "run-2").acquire(0)
        assert str(caught.value).startswith(f"Dataset 'toy' is held by run run-1 (process {process.pid}, since 20")
        said: list[str] = []
        threading.Timer(0.5, process.kill).start()
        started = time.monotonic()
        lease = Lease(tmp_path, "toy", "run-2").acquire(60, said.append)
        assert 0.3 < time.monotonic() - started < 30
        assert [line.partition(" (")[0] for line in said] == ["dataset 'toy' is held by run run-1"]
        assert read_holder(tmp_path).run == "run-2"
        lease.release()
    finally:
        end(process)


def test_the_lease_of_a_killed_run_is_free_at_once(tmp_path: Path) -> None:
    end(hold(tmp_path, "run-1"))
    lease = Lease(tmp_path, "toy", "run-2").acquire(0)
    assert (read_holder(tmp_path).run, lease.epoch) == ("run-2", 2)
    lease.release()
    assert Lease(tmp_path, "toy", "run-3").acquire(0).epoch == 3


def test_a_run_that_lost_its_lease_publishes_nothing(tmp_path: Path) -> None:
    """A person removes the lock file of a run that seems to hang, and another run begins beside it."""
    store = DuckDBStore(tmp_path)
    store.write("toy", "numbers", {"numbers": pl.DataFrame({"value": [1]})})
    versions = store.versions("toy")
    slow = Lease(versions.folder, "toy", "slow").acquire(0)
    stage = Stage(versions, slow, "slow", "slow")
    DuckDBStore(tmp_path, stage).write("toy", "numbers", {"numbers": pl.DataFrame({"value": [2]})})
    (versions.folder / "lease.lock").unlink()
    quick = Lease(versions.folder, "toy", "quick").acquire(0)
    with pytest.raises(ArtifactError, match=r"Run slow no longer holds dataset 'toy', run quick \(process .* does"):
        stage.publish(5)
    assert store.read("toy", "numbers")["value"].to_list() == [1]
    with pytest.raises(ArtifactError, match="no longer holds"):
        DuckDBStore(tmp_path, stage).write("toy", "numbers", {"numbers": pl.DataFrame({"value": [3]})})
    theirs = Stage(versions, quick, "quick", "quick")
    DuckDBStore(tmp_path, theirs).write("toy", "numbers", {"numbers": pl.DataFrame({"value": [4]})})
    theirs.publish(5)
    quick.release()
    slow.release()
    assert store.read("toy", "numbers")["value"].to_list() == [4]


def test_a_step_of_a_run_that_was_killed_ends_within_seconds(tmp_path: Path) -> None:
    """It would hold the dataset, and the retry of the run would wait for it."""
    script, ready = tmp_path / "run.py", tmp_path / "ready"
    script.write_text(RUN, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": f"{CHECKOUT}{os.pathsep}{os.environ['PYTHONPATH']}"}
    with subprocess.Popen([sys.executable, script, tmp_path / "warehouse", ready], env=environment) as run:
        limit = time.monotonic() + 60
        while not ready.exists():
            assert time.monotonic() < limit
            time.sleep(0.05)
        folder = DuckDBStore(tmp_path / "warehouse").versions("toy").folder
        with pytest.raises(ArtifactError, match="held by run run-1"):
            Lease(folder, "toy", "run-2").acquire(0)
        run.kill()
        started = time.monotonic()
        Lease(folder, "toy", "run-2").acquire(30).release()
        assert time.monotonic() - started < 5


RUN = """
import multiprocessing, pathlib, sys, time
from tagflow.pipeline.staging import Plan, StagedRun


def step(warehouse, ready):
    plan = Plan("run-1", "run-1", "toy", frozenset(["raw_clues"]), False)
    run = StagedRun(pathlib.Path(warehouse), plan, 5, 0, print)
    pathlib.Path(ready).touch()
    time.sleep(60)


if __name__ == "__main__":
    multiprocessing.get_context("spawn").Process(target=step, args=sys.argv[1:]).start()
"""
