"""A run whose process is gone does not hold its dataset up: Dagster's run monitoring is told so."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.events import EngineEventData
from dagster._daemon.monitoring.run_monitoring import monitor_started_run

from tagflow.adapters.process_life import lives
from tagflow.pipeline.datasets import find_unfinished
from tagflow.pipeline.launcher import LocalRunLauncher
from tagflow_tests.conftest import CHECKOUT

LOG = logging.getLogger(__name__)


@dg.job
def nothing() -> None:
    """Stands for any job."""


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def watch(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    """Let Dagster's monitoring look at the run once; return what the run is then."""
    record = instance.get_run_record_by_id(run.run_id)
    workspace: Any = None  # only used to go on with a run, which this launcher does not do
    monitor_started_run(instance, workspace, record, LOG)
    return instance.get_run_by_id(run.run_id).status


def test_a_run_whose_process_was_killed_is_ended_and_frees_its_dataset(sleeper: subprocess.Popen[bytes]) -> None:
    said = yaml.safe_load((CHECKOUT / "dagster.yaml").read_text(encoding="utf-8"))
    asked = {name: said[name] for name in ("run_launcher", "run_monitoring")}
    with dg.instance_for_test(overrides=asked) as instance:
        assert isinstance(instance.run_launcher, LocalRunLauncher), "the settings that are shipped name it"
        tags = {"dagster/partition": "recipes"}
        run = instance.create_run_for_job(nothing, tags=tags, status=dg.DagsterRunStatus.STARTED)
        assert watch(instance, run) is dg.DagsterRunStatus.STARTED, "no process noted itself yet"
        instance.report_engine_event("Started process", run, EngineEventData.in_process(sleeper.pid))
        assert watch(instance, run) is dg.DagsterRunStatus.STARTED
        assert find_unfinished(instance, "recipes") == run.run_id
        sleeper.kill()
        sleeper.wait()
        assert watch(instance, run) is dg.DagsterRunStatus.FAILURE
        assert find_unfinished(instance, "recipes") is None


def test_a_process_lives_until_it_ends_even_if_nobody_waits_for_it(sleeper: subprocess.Popen[bytes]) -> None:
    assert lives(os.getpid(), time.time())
    assert lives(sleeper.pid, time.time())
    sleeper.kill()
    end = time.monotonic() + 10
    while lives(sleeper.pid, time.time()) and time.monotonic() < end:
        time.sleep(0.01)
    assert not lives(sleeper.pid, time.time()), "it is a zombie"
    sleeper.wait()
    assert not lives(sleeper.pid, time.time())


def test_a_number_that_another_process_took_over_later_is_not_that_process() -> None:
    assert not lives(os.getpid(), time.time() - 30 * 86_400)
