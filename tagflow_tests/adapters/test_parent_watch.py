"""A worker notices that the process that started it is gone; a command is not watched."""

import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

from tagflow.adapters.parent_watch import watch_parent

PARENT = """
import multiprocessing, os, pathlib, sys, time
from tagflow.adapters.parent_watch import watch_parent


def work(path):
    watch_parent(lambda: (pathlib.Path(path).write_text("alone"), os._exit(0)))
    print("ready", flush=True)
    time.sleep(60)


if __name__ == "__main__":
    multiprocessing.get_context("spawn").Process(target=work, args=[sys.argv[1]]).start()
"""


def test_a_worker_acts_when_its_parent_is_killed_and_not_before(tmp_path: Path) -> None:
    script, said = tmp_path / "parent.py", tmp_path / "said"
    script.write_text(textwrap.dedent(PARENT), encoding="utf-8")
    with subprocess.Popen([sys.executable, script, said], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        time.sleep(0.3)
        assert not said.exists()
        parent.kill()
        end = time.monotonic() + 5
        while not said.exists() and time.monotonic() < end:
            time.sleep(0.01)
        assert said.exists()


def test_a_process_that_is_nobodys_worker_is_not_watched() -> None:
    before = [thread.name for thread in threading.enumerate()]
    watch_parent(lambda: None)
    assert [thread.name for thread in threading.enumerate()] == before
