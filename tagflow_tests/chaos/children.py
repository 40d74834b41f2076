"""Runs in processes of their own, so that they can be killed: as the command line runs, and with a process a step."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tagflow.cli.runs import prepare_home
from tagflow.pipeline.datasets import register_datasets
from tagflow_tests.chaos.runs import UP_TO_TAGS
from tagflow_tests.chaos.wiring import POINT, WITNESS
from tagflow_tests.llm.fault_server import FaultServer

PATIENCE = 600.0
"""Seconds for a run on a busy machine."""


@dataclass
class Children:
    """Runs of one dataset against one server, one after the other."""

    data: Path
    name: str
    server: FaultServer
    said: Mapping[str, str]
    select: str = UP_TO_TAGS
    kills: int = 0
    ends: list[int] = field(default_factory=list)

    @property
    def witness(self) -> Path:
        """The file in which the runs say what they kept."""
        return self.data.parent / "witness"

    def start(self, point: str = "") -> subprocess.Popen[bytes]:
        """Start a run as the command line does it, in one process."""
        return self._start(
            [sys.executable, "-W", "ignore", "-m", "tagflow_tests.chaos.run", self.name, self.select], point
        )

    def start_steps(self) -> subprocess.Popen[bytes]:
        """Start a run of Dagster's own command, with a process for each step."""
        import dagster as dg

        home = prepare_home(self.data)
        os.environ.pop("DAGSTER_HOME")
        with dg.DagsterInstance.from_config(str(home)) as instance:
            register_datasets(instance, self.data)
        words = ["asset", "materialize", "-m", "tagflow_tests.chaos.many_processes", "--partition", self.name]
        command = [str(Path(sys.executable).with_name("dagster")), *words, "--select", self.select]
        return self._start(command, DAGSTER_HOME=str(home))

    def _start(self, command: list[str], point: str = "", **more: str) -> subprocess.Popen[bytes]:
        ours = {"TAGFLOW_DATA": str(self.data), WITNESS: str(self.witness), POINT: point, **self.said, **more}
        log = (self.data.parent / "said").open("ab")
        with log:
            return subprocess.Popen(command, env={**os.environ, **ours}, stdout=log, stderr=log)

    def finish(self) -> None:
        """Run to the end.

        Raises:
            RuntimeError: the run failed.
        """
        process = self.start()
        if process.wait(PATIENCE):
            raise RuntimeError(f"the run ended with {process.returncode}: {self.tell()[-3000:]}")

    def tell(self) -> str:
        """Return what the runs said."""
        return (self.data.parent / "said").read_text(encoding="utf-8", errors="replace")

    def kill_at(self, point: str) -> bool:
        """Start a run that kills itself at a named point; return whether it came to it."""
        process = self.start(point)
        killed = process.wait(PATIENCE) == -signal.SIGKILL
        self.kills += killed
        return killed

    def interrupt(self, requests: int, number: signal.Signals, drawn: random.Random | None = None) -> bool:
        """Start a run and send it a signal after so many further requests; return whether it still ran then."""
        process = self.start()
        goal = len(self.server.requests) + requests
        _wait(lambda: process.poll() is not None or len(self.server.requests) >= goal)
        time.sleep(drawn.random() * 0.05 if drawn else 0.0)
        ran = process.poll() is None
        if process.returncode:
            raise RuntimeError(f"the run ended with {process.returncode}: {self.tell()[-3000:]}")
        process.send_signal(number)
        process.wait(PATIENCE)
        self.ends.append(process.returncode)
        self.kills += ran and number is signal.SIGKILL
        return ran

    def orphan(self, requests: int, after: float) -> tuple[int, int]:
        """Kill the first process of a run of many; return requests within a while of it, and those of a while more."""
        process = self.start_steps()
        goal = len(self.server.requests) + requests
        _wait(lambda: process.poll() is not None or len(self.server.requests) >= goal)
        if process.poll() is not None:
            raise RuntimeError(f"the run ended by itself: {self.tell()[-3000:]}")
        process.kill()
        process.wait()
        counts = [len(self.server.requests)]
        for _ in range(2):
            time.sleep(after)
            counts.append(len(self.server.requests))
        return counts[1] - counts[0], counts[2] - counts[1]


def _wait(until: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not until() and time.monotonic() < end:
        time.sleep(0.002)
