"""What every test stands on: no socket to the outside, a data folder of its own, and one real run of the demo."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tagflow.adapters.duckdb_store import DuckDBStore

CHECKOUT = Path(__file__).resolve().parents[1]
GUARD = Path(__file__).parent / "guard"
EXIT_CODE = pytest.StashKey[int]()
TAGFLOW = Path(sys.executable).with_name("tagflow")


def pytest_configure() -> None:
    """Put the socket guard in this process and on the path of every process the tests start."""
    spec = importlib.util.spec_from_file_location("tagflow_socket_guard", GUARD / "sitecustomize.py")
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(GUARD), os.environ.get("PYTHONPATH")]))
    for name in ("TAGFLOW_DATA", "DAGSTER_HOME"):
        os.environ.pop(name, None)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Keep the exit code for the last word."""
    session.config.stash[EXIT_CODE] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End without the interpreter's shutdown, where DuckDB's bindings print pages about leaks once torch is loaded."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(config.stash.get(EXIT_CODE, 1))


class Said(NamedTuple):
    """What a command answered."""

    code: int
    out: str
    err: str


Call = Callable[..., Said]


def call_tagflow(*words: str, data: Path | None, cwd: Path) -> Said:
    """Run the installed command in a process of its own."""
    environment = {**os.environ, **({"TAGFLOW_DATA": str(data)} if data else {})}
    done = subprocess.run([TAGFLOW, *words], capture_output=True, text=True, env=environment, cwd=cwd, timeout=300)
    return Said(done.returncode, done.stdout, done.stderr)


class Demo(NamedTuple):
    """A data folder in which the demo has been run, and what it said."""

    data: Path
    store: DuckDBStore
    said: Said


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The shipped recipes, tagged once by ``tagflow demo``; read it, do not change it."""
    data = tmp_path_factory.mktemp("demo") / "data"
    said = call_tagflow("demo", data=data, cwd=tmp_path_factory.mktemp("elsewhere"))
    assert said.code == 0, said.err
    return Demo(data, DuckDBStore(data / "warehouse"), said)


@pytest.fixture
def demo_copy(demo: Demo, tmp_path: Path) -> Demo:
    """A copy of the demo's data folder that a test may change."""
    shutil.copytree(demo.data, tmp_path / "data", symlinks=True)
    return Demo(tmp_path / "data", DuckDBStore(tmp_path / "data" / "warehouse"), demo.said)
