"""One immutable DuckDB file per (dataset, artifact); a dataset's files are published together, as one version.

A reader gets the old version or the new one, whole, and never waits; a writer killed at any moment changes nothing.
"""

import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import duckdb
import polars as pl
from filelock import FileLock

from tagflow.adapters.artifact_files import (
    CHANGE,
    CREATE,
    CREATE_WIDE,
    FORMAT,
    IDENTIFIER,
    READ,
    attached,
    check_identifier,
    create_table,
    explain_trouble,
    fetch_table,
    find_table_faults,
    make_storable,
    merge_rows,
    read_stamp,
    sync,
    tell_damage,
    write_stamp,
)
from tagflow.adapters.dataset_lease import Lease
from tagflow.adapters.dataset_versions import KEPT, DatasetVersions, Stage
from tagflow.adapters.version_manifest import FileEntry, Version, is_whole
from tagflow.errors import ArtifactError
from tagflow.schemas import ACROSS, ARTIFACTS
from tagflow.settings import check_dataset_name
from tagflow.tables import Tables, check_tables

CACHES = ("vector_cache", "proposal_cache")
"""What is no artifact but can be made again: one file for all versions, replaced by itself."""

PATIENCE = 600.0
"""Ours: seconds that a write outside a run waits for a run."""

MARGIN = 1 << 20  # ours: bytes that DuckDB takes besides the rows

TRIES = 5  # ours: times to look again where a version was removed while it was being opened

_Opened = tuple[duckdb.DuckDBPyConnection, dict[str, str], list[str]]  # with the file as x; its stamp; its tables


class DuckDBStore:
    """Keeps artifacts below one folder.

    A store with a stage sees the run's own files first and beside them the version that the run stands on, and writes
    to the stage; one without sees the current version, and each write publishes a new one.
    """

    def __init__(self, root: Path, stage: Stage | None = None) -> None:
        """Keep artifacts below ``root``, which the first write creates."""
        self._root = root.absolute()
        self._stage = stage
        self._pinned: dict[str, Version | None] = {}

    def path(self, dataset: str, artifact: str) -> Path:
        """Return where the artifact's file is or would be for readers; impossible names raise Config-/ArtifactError."""
        folder, name = self._versions(dataset).link, check_identifier(artifact)
        return (self._caches(dataset) if name in CACHES else folder) / f"{name}.duckdb"

    def exists(self, dataset: str, artifact: str) -> bool:
        """Return whether the artifact has been made."""
        return self._find(dataset, artifact)[0].is_file()

    def artifacts(self, dataset: str) -> list[str]:
        """Return the names of the dataset's artifacts, sorted."""
        staged = self._staged_for(dataset)
        version = self._version(dataset)
        files = {*(version.folder.glob("*.duckdb") if version else ()), *self._caches(dataset).glob("*.duckdb")}
        files |= set(staged.list_files().values()) if staged else set()
        return sorted({path.stem for path in files if path.suffix == ".duckdb" and IDENTIFIER.fullmatch(path.stem)})

    def version(self, dataset: str) -> Version | None:
        """Return the version of the dataset that this store reads; None before the first one."""
        return self._version(dataset)

    def versions(self, dataset: str) -> DatasetVersions:
        """Return the versions of a dataset."""
        return self._versions(dataset)

    def snapshot(self, dataset: str) -> "DuckDBStore":
        """Return a store that keeps to the dataset's current version, whatever is published meanwhile."""
        store = DuckDBStore(self._root)
        store._pinned[dataset] = self._version(dataset)
        return store

    def at(self, dataset: str, number: int) -> "DuckDBStore":
        """Return a store that reads one version of the dataset; raises ArtifactError if there is none."""
        store = DuckDBStore(self._root)
        store._pinned[dataset] = self._versions(dataset).read(number)
        return store

    def describe(self, dataset: str, artifact: str) -> dict[str, str]:
        """Return format, tagflow, written_at (UTC), uncompressed, and ``rows.<table>`` of each table in order."""
        with self._opened(dataset, artifact) as (_, stamp, _):
            return stamp

    def read(self, dataset: str, artifact: str, table: str | None = None) -> pl.DataFrame:
        """Return one table, by default the one named like the artifact, with its rows in the order written.

        Raises:
            ArtifactError: the artifact is missing, damaged, not tagflow's or of a later format, or lacks the table.
        """
        with self._opened(dataset, artifact, table or artifact) as (connection, _, _):
            return fetch_table(connection, table or artifact)

    def read_all(self, dataset: str, artifact: str) -> Tables:
        """Return every table, all of one version; raises like ``read``."""
        with self._opened(dataset, artifact) as (connection, _, tables):
            return {table: fetch_table(connection, table) for table in tables}

    def find_faults(self, dataset: str, artifact: str) -> list[str]:
        """Return what does not fit the declared schema, a sentence each, counted by DuckDB without reading the rows.

        Raises:
            ArtifactError: as for ``read``.
        """
        declared = ARTIFACTS[artifact].tables
        with self._opened(dataset, artifact) as (connection, _, tables):
            faults = [f"the table {name} is missing" for name in declared if name not in tables]
            for name in set(declared) & set(tables):
                faults += find_table_faults(connection, name, declared[name])
            return sorted(faults)

    def write(self, dataset: str, artifact: str, tables: Tables, *, uncompressed: bool = False) -> None:
        """Replace the artifact; ``uncompressed`` suits vectors, which do not shrink, and holds for later upserts too.

        Categorical and Enum read back as String. A vector column without a width, ``Array(Float32, 0)``, must be empty
        and reads back with width 1: DuckDB has no vectors of width 0.

        Raises:
            ArtifactError: the tables do not fit their schema or DuckDB, the disk fails, or another run holds the
                dataset; the stored version stays.
        """
        if declared := (ARTIFACTS | ACROSS).get(artifact):
            tables = check_tables(declared, tables)
        tables = {check_identifier(name): make_storable(f"{artifact}.{name}", frame) for name, frame in tables.items()}
        needed = sum(int(frame.estimated_size()) for frame in tables.values())
        with self._replacing(dataset, artifact, needed) as (_, staged):
            with attached(staged, CREATE_WIDE if uncompressed else CREATE, uncompressed) as connection:
                for table, frame in tables.items():
                    create_table(connection, table, frame)
                write_stamp(connection, list(tables), uncompressed)

    def upsert(self, dataset: str, artifact: str, table: str, rows: pl.DataFrame, key: Sequence[str]) -> None:
        """Put the rows at the table's end in place of those with the same key; no rows change nothing.

        Raises:
            ArtifactError: as for ``read`` and ``write``, or the rows repeat a key or do not have the table's columns.
        """
        rows = make_storable(where := f"{artifact}.{check_identifier(table)}", rows)
        if not key or not set(key) <= set(rows.columns) or rows.select(key).is_duplicated().any():
            raise ArtifactError(f"Rows put into {where} must have the key {list(key)}, and each key once.")
        self.describe(dataset, artifact)  # raises before a folder is made for an artifact that is missing
        if rows.is_empty():
            return
        needed = self._find(dataset, artifact)[0].stat().st_size + int(rows.estimated_size())
        with self._replacing(dataset, artifact, needed) as (store, staged):
            with store._opened(dataset, artifact, table) as (_, stamp, tables):
                uncompressed = stamp["uncompressed"] == "true"
            shutil.copyfile(store._find(dataset, artifact)[0], staged)
            with attached(staged, CHANGE, uncompressed) as connection:
                merge_rows(connection, table, rows, key, where)
                write_stamp(connection, tables, uncompressed)
            if artifact in ARTIFACTS:
                with attached(staged, READ) as connection:
                    check_tables(ARTIFACTS[artifact], {name: fetch_table(connection, name) for name in tables})

    def write_page(self, dataset: str, name: str, text: str) -> Path:
        """Put a page of HTML beside the artifacts, published with them; return where readers find it.

        Raises:
            ArtifactError: as for ``write``.
        """
        with self._explained(dataset, name, len(text)), self._writing(dataset) as stage:
            _replace(stage.folder, name, lambda path: path.write_text(text, encoding="utf-8") and None)
        return self._versions(dataset).link / name

    def _versions(self, dataset: str) -> DatasetVersions:
        return DatasetVersions(self._root, check_dataset_name(dataset))

    def _caches(self, dataset: str) -> Path:
        return self._root / ".caches" / check_dataset_name(dataset)

    def _staged_for(self, dataset: str) -> Stage | None:
        return self._stage if self._stage is not None and self._stage.versions.dataset == dataset else None

    def _version(self, dataset: str) -> Version | None:
        if (stage := self._staged_for(dataset)) is not None:
            return stage.version
        return self._pinned[dataset] if dataset in self._pinned else self._versions(dataset).current()

    def _find(self, dataset: str, artifact: str) -> tuple[Path, FileEntry | None]:
        """Return the file to read and what its version's manifest says of it."""
        public = self.path(dataset, artifact)
        if artifact in CACHES:
            plain = self._versions(dataset).link / public.name  # where an earlier tagflow kept it
            return (plain if plain.is_file() and not public.is_file() else public), None
        stage = self._staged_for(dataset)
        if stage is not None and (own := stage.find(public.name)):
            return own, None
        version = self._version(dataset)
        return (version.folder / public.name, version.files.get(public.name)) if version else (public, None)

    @contextmanager
    def _opened(self, dataset: str, artifact: str, table: str | None = None) -> Iterator[_Opened]:
        """Yield the artifact opened for reading; it must have the table, if one is named."""
        public, what = self.path(dataset, artifact), f"{artifact} of dataset {dataset!r}"
        try:
            with self._attach(dataset, artifact) as connection:
                stamp = read_stamp(connection)
                tables = [key.removeprefix("rows.") for key in stamp if key.startswith("rows.")]
                if int(stamp["format"]) > FORMAT:
                    raise ArtifactError(f"{what} has format {stamp['format']}, later than {FORMAT}: update tagflow.")
                if table and table not in tables:
                    raise ArtifactError(f"{what} has no table {table!r}, only {tables}.")
                yield connection, stamp, tables
        except (OSError, duckdb.Error, pl.exceptions.PanicException, LookupError, ValueError) as error:
            raise ArtifactError(f"{what} {explain_trouble(error, dataset, public)}.") from error

    @contextmanager
    def _attach(self, dataset: str, artifact: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """Attach the file of the version that is current now, once it is known to be the one that was published."""
        public, what = self.path(dataset, artifact), f"{artifact} of dataset {dataset!r}"
        with ExitStack() as stack:
            for attempt in range(TRIES):
                path, entry = self._find(dataset, artifact)
                last = attempt == TRIES - 1 or path.parent == public.parent or path.parent.is_dir()
                if path.is_file():
                    try:
                        path.open("rb").close()  # DuckDB does not tell a file that we may not read from a damaged one
                        if entry is not None and not is_whole(path, entry):
                            why = tell_damage("it is not what was published", dataset, public)
                            raise ArtifactError(f"{what} {why}.")
                        connection = stack.enter_context(attached(path, READ))
                        break
                    except (FileNotFoundError, duckdb.IOException):
                        if path.exists() or last:
                            raise
                elif last:
                    raise ArtifactError(f"{what} has not been made yet: run tagflow run {dataset}.")
            yield connection

    @contextmanager
    def _replacing(self, dataset: str, artifact: str, needed: int) -> Iterator[tuple["DuckDBStore", Path]]:
        """Yield a store that sees what is to be replaced, and where to build; if nothing fails, it takes its place."""
        public = self.path(dataset, artifact)
        with self._explained(dataset, artifact, needed):
            if artifact in CACHES:
                public.parent.mkdir(parents=True, exist_ok=True)
                with FileLock(public.with_name(f".{artifact}.lock")), _building(public) as staged:
                    yield self, staged
                return
            with self._writing(dataset) as stage:
                with _building(stage.folder / public.name) as staged:
                    yield DuckDBStore(self._root, stage), staged

    @contextmanager
    def _writing(self, dataset: str) -> Iterator[Stage]:
        """Yield the run's stage; outside a run, one of its own that is published when the block ends."""
        if (stage := self._staged_for(dataset)) is not None:
            stage.lease.check()
            stage.folder.mkdir(parents=True, exist_ok=True)
            yield stage
            return
        versions = self._versions(dataset)
        run = f"write-{os.getpid()}-{secrets.token_hex(4)}"
        lease = Lease(versions.folder, dataset, run).acquire(PATIENCE)
        try:
            stage = Stage(versions, lease, run, run)
            yield stage
            stage.publish(KEPT)
        finally:
            lease.release()

    @contextmanager
    def _explained(self, dataset: str, artifact: str, needed: int = 0) -> Iterator[None]:
        """Say what went wrong in one sentence; ``needed`` is about how many bytes are being written."""
        try:
            yield
        except (OSError, duckdb.Error) as error:
            public, what = self._versions(dataset).link, f"{artifact} of dataset {dataset!r}"
            said = f"could not be written ({_tell_why(error, self._root, needed)} in {public}): nothing was changed"
            if "Corrupt database" in str(error):  # upsert reads most blocks only when it changes them in the copy
                said = explain_trouble(error, dataset, public / f"{artifact}.duckdb")
            raise ArtifactError(f"{what} {said}.") from error


def _tell_why(error: OSError | duckdb.Error, root: Path, needed: int) -> str:
    """The system's own words for what it refused, and how much space there is where that may be the reason."""
    if isinstance(error, OSError) and error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return error.strerror or type(error).__name__
    free = shutil.disk_usage(root).free if root.exists() else 0
    full = isinstance(error, OSError) or (isinstance(error, duckdb.IOException) and free < 2 * needed + MARGIN)
    why = getattr(error, "strerror", None) or ("the disk is full" if full else type(error).__name__)
    return f"{why}: about {needed / 1e6:.1f} MB are needed, {free / 1e6:.1f} MB are free," if full else why


@contextmanager
def _building(path: Path) -> Iterator[Path]:
    """Yield where to build a file; if nothing fails, it takes its place."""
    artifact = path.stem
    staged = path.with_name(f".{artifact}-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    for leftover in path.parent.glob(f".{artifact}-*.tmp*"):  # of killed writers: we hold the lock
        leftover.unlink()
    try:
        yield staged
        sync(staged)
        path.with_name(f"{path.name}.wal").unlink(missing_ok=True)  # another program's: it would not fit
        staged.replace(path)
    finally:
        for unfinished in (staged, staged.with_name(f"{staged.name}.wal")):
            unfinished.unlink(missing_ok=True)
    with suppress(OSError):  # the file is in place, and not every file system can sync a folder
        sync(path.parent)


def _replace(folder: Path, name: str, write: Callable[[Path], object]) -> None:
    staged = folder / f".{name}-{os.getpid()}.tmp"
    try:
        write(staged)
        staged.replace(folder / name)
    finally:
        staged.unlink(missing_ok=True)
