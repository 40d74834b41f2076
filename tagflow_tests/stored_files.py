"""Stored files as another program, an older tagflow or a later one would leave them, published as they are."""

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb

from tagflow.adapters.dataset_lease import Lease
from tagflow.adapters.dataset_versions import KEPT, Stage
from tagflow.adapters.duckdb_store import DuckDBStore


@contextmanager
def stored_file(store: DuckDBStore, dataset: str, artifact: str) -> Iterator[Path]:
    """Yield a copy of the artifact's file, or where it would be; what stands there at the end is published."""
    versions = store.versions(dataset)
    lease = Lease(versions.folder, dataset, "a test").acquire(10)
    try:
        stage = Stage(versions, lease, "a test", "a test")
        path = stage.folder / f"{artifact}.duckdb"
        if store.exists(dataset, artifact):
            shutil.copyfile(store.path(dataset, artifact), path)
        yield path
        stage.publish(KEPT)
    finally:
        lease.release()


@contextmanager
def stored_tables(store: DuckDBStore, dataset: str, artifact: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to a copy of the artifact, which is published when the block ends."""
    with stored_file(store, dataset, artifact) as path, closing(duckdb.connect(str(path))) as connection:
        yield connection
