"""Named points in the writing and publishing of a dataset, and a writer that is killed at one of them."""

import os
import shutil
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import polars as pl

from tagflow.adapters import dataset_versions, duckdb_store
from tagflow.adapters.dataset_lease import Lease
from tagflow.adapters.dataset_versions import DatasetVersions, Stage
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.tables import Tables

ARTIFACTS = ("first", "second", "third")
KEPT = 3

POINTS = {
    "built": (duckdb_store, "sync", lambda path: path.name.startswith(".second-")),
    "staged": (duckdb_store, "sync", lambda path: path.name == "stage"),
    "all staged": (Stage, "publish", lambda *_, **__: True),
    "publishing": (DatasetVersions, "_add", lambda *_, **__: True),
    "files linked": (dataset_versions, "write_manifest", lambda *_: True),
    "described": (dataset_versions, "sync", lambda path: path.name == "manifest.json"),
    "named": (DatasetVersions, "_point_to", lambda *_: True),
    "linked": (dataset_versions, "sync_folder", lambda path: path.name == "warehouse"),
    "current": (DatasetVersions, "_prune", lambda *_: True),
    "pruning": (shutil, "rmtree", lambda path, *_, **__: Path(path).name.startswith(".gone-")),
    "clearing": (shutil, "rmtree", lambda path, *_, **__: Path(path).name == "stage"),
}
"""Point: the function before which it lies, and whether a call of it is meant."""


def make_tables(artifact: str, version: int) -> Tables:
    """Return tables that bear the version in each row, and have a size of its own for each version."""
    rows = 500 + version * 7_919 % 3_000
    main = pl.DataFrame({"id": [f"{artifact} {row} of {version}" for row in range(rows)], "version": [version] * rows})
    return {artifact: main, "side": main[: rows // 3]}


def read_version(store: DuckDBStore, dataset: str) -> tuple[int, bool]:
    """Return the version that a reader gets now, and whether all of it is of that version and whole."""
    snapshot = store.snapshot(dataset)
    tables = {artifact: snapshot.read_all(dataset, artifact) for artifact in ARTIFACTS}
    version = int(tables[ARTIFACTS[0]][ARTIFACTS[0]]["version"][0])
    whole = all(
        frame.equals(make_tables(artifact, version)[name])
        for artifact, said in tables.items()
        for name, frame in said.items()
    )
    return version, whole


def publish(root: Path, dataset: str, version: int, patience: float = 60) -> None:
    """Stage and publish one version of three artifacts, as a run does."""
    versions = DatasetVersions(root, dataset)
    lease = Lease(versions.folder, dataset, f"run {version}").acquire(patience)
    try:
        stage = Stage(versions, lease, f"run {version}", f"run {version}")
        store = DuckDBStore(root, stage)
        for artifact in ARTIFACTS:
            store.write(dataset, artifact, make_tables(artifact, version))
        stage.publish(KEPT)
    finally:
        lease.release()


def write_for_ever(root: Path, dataset: str, start: int, count: int, point: str, told: Connection) -> None:
    """Publish versions from ``start`` on, telling each once it is published; be killed at the named point, if any."""
    if point:
        be_killed_at(point)
    for version in range(start, start + count):
        publish(root, dataset, version)
        told.send(version)


def be_killed_at(point: str) -> None:
    """Have this process killed when it comes to the point."""
    owner, name, meant = POINTS[point]
    function: Callable[..., Any] = getattr(owner, name)

    def killed(*given: Any, **named: Any) -> Any:
        if meant(*given, **named):
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*given, **named)

    setattr(owner, name, killed)
