"""One immutable DuckDB file per (dataset, artifact), replaced by one atomic rename.

A reader gets the old version or the new one, whole, and never waits; a writer killed at any moment changes nothing.
"""

import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
from filelock import FileLock

from tagflow import __version__
from tagflow.errors import ArtifactError
from tagflow.schemas import ARTIFACTS
from tagflow.settings import check_dataset_name
from tagflow.tables import Table, Tables, check_tables

FORMAT = 1  # of the files' layout; a later one is refused
IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,62}")

_READ = "TYPE duckdb, READ_ONLY"
_CHANGE = "TYPE duckdb, RECOVERY_MODE 'no_wal_writes'"  # a staged file is whole or thrown away: it needs no log
_CREATE = f"{_CHANGE}, BLOCK_SIZE 16384, STORAGE_VERSION 'v1.5.0'"  # small files, which DuckDB 1.5 reads too
_Opened = tuple[duckdb.DuckDBPyConnection, dict[str, str], list[str]]  # with the file as x; its stamp; its tables


class DuckDBStore:
    """Keeps artifacts below one folder."""

    def __init__(self, root: Path) -> None:
        """Keep artifacts below ``root``, which the first write creates."""
        self._root = root.absolute()

    def path(self, dataset: str, artifact: str) -> Path:
        """Return where the artifact's file is or would be; impossible names raise ConfigError or ArtifactError."""
        return self._root / f"dataset={check_dataset_name(dataset)}" / f"{_identifier(artifact)}.duckdb"

    def exists(self, dataset: str, artifact: str) -> bool:
        """Return whether the artifact has been made."""
        return self.path(dataset, artifact).is_file()

    def artifacts(self, dataset: str) -> list[str]:
        """Return the names of the dataset's artifacts, sorted."""
        files = (self._root / f"dataset={check_dataset_name(dataset)}").glob("*.duckdb")
        return sorted(path.stem for path in files if IDENTIFIER.fullmatch(path.stem))

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
            return _fetch(connection, table or artifact)

    def read_all(self, dataset: str, artifact: str) -> Tables:
        """Return every table, all of one version; raises like ``read``."""
        with self._opened(dataset, artifact) as (connection, _, tables):
            return {table: _fetch(connection, table) for table in tables}

    def find_faults(self, dataset: str, artifact: str) -> list[str]:
        """Return what does not fit the declared schema, a sentence each, counted by DuckDB without reading the rows.

        Raises:
            ArtifactError: as for ``read``.
        """
        declared = ARTIFACTS[artifact].tables
        with self._opened(dataset, artifact) as (connection, _, tables):
            faults = [f"the table {name} is missing" for name in declared if name not in tables]
            for name in set(declared) & set(tables):
                faults += _find_table_faults(connection, name, declared[name])
            return sorted(faults)

    def write(self, dataset: str, artifact: str, tables: Tables, *, uncompressed: bool = False) -> None:
        """Replace the artifact; ``uncompressed`` suits vectors, which do not shrink, and holds for later upserts too.

        Categorical and Enum read back as String. A vector column without a width, ``Array(Float32, 0)``, must be empty
        and reads back with width 1: DuckDB has no vectors of width 0.

        Raises:
            ArtifactError: the tables do not fit their schema or DuckDB, or the disk fails; the stored version stays.
        """
        if artifact in ARTIFACTS:
            tables = check_tables(ARTIFACTS[artifact], tables)
        tables = {_identifier(table): _storable(f"{artifact}.{table}", frame) for table, frame in tables.items()}
        with self._staged(dataset, artifact) as staged, _attached(staged, _CREATE, uncompressed) as connection:
            for table, frame in tables.items():
                _create(connection, table, frame)
            _stamp(connection, list(tables), uncompressed)

    def upsert(self, dataset: str, artifact: str, table: str, rows: pl.DataFrame, key: Sequence[str]) -> None:
        """Put the rows at the table's end in place of those with the same key; no rows change nothing.

        Raises:
            ArtifactError: as for ``read`` and ``write``, or the rows repeat a key or do not have the table's columns.
        """
        rows = _storable(where := f"{artifact}.{_identifier(table)}", rows)
        if not key or not set(key) <= set(rows.columns) or rows.select(key).is_duplicated().any():
            raise ArtifactError(f"Rows put into {where} must have the key {list(key)}, and each key once.")
        self.describe(dataset, artifact)  # raises before a folder is made for an artifact that is missing
        if rows.is_empty():
            return
        with self._staged(dataset, artifact) as staged:
            with self._opened(dataset, artifact, table) as (_, stamp, tables):
                uncompressed = stamp["uncompressed"] == "true"
            shutil.copyfile(self.path(dataset, artifact), staged)
            with _attached(staged, _CHANGE, uncompressed) as connection:
                _merge(connection, table, rows, key, where)
                _stamp(connection, tables, uncompressed)
            if artifact in ARTIFACTS:
                with _attached(staged, _READ) as connection:
                    check_tables(ARTIFACTS[artifact], {name: _fetch(connection, name) for name in tables})

    @contextmanager
    def _opened(self, dataset: str, artifact: str, table: str | None = None) -> Iterator[_Opened]:
        """Yield the artifact opened for reading; it must have the table, if one is named."""
        path, what = self.path(dataset, artifact), f"{artifact} of dataset {dataset!r}"
        if not path.is_file():
            raise ArtifactError(f"{what} has not been made yet: run tagflow run {dataset}.")
        try:
            path.open("rb").close()  # DuckDB does not tell a file that we may not read from a damaged one
            with _attached(path, _READ) as connection:
                stamp = dict(_fetch(connection, "_artifact").rows())
                tables = [key.removeprefix("rows.") for key in stamp if key.startswith("rows.")]
                if int(stamp["format"]) > FORMAT:
                    raise ArtifactError(f"{what} has format {stamp['format']}, later than {FORMAT}: update tagflow.")
                if table and table not in tables:
                    raise ArtifactError(f"{what} has no table {table!r}, only {tables}.")
                yield connection, stamp, tables
        except (OSError, duckdb.Error, pl.exceptions.PanicException, LookupError, ValueError) as error:
            raise ArtifactError(f"{what} {_trouble(error, dataset, path)}.") from error

    @contextmanager
    def _staged(self, dataset: str, artifact: str) -> Iterator[Path]:
        """Yield where to build the next version; if nothing fails, it takes the place of the current one."""
        path, what = self.path(dataset, artifact), f"{artifact} of dataset {dataset!r}"
        staged = path.with_name(f".{artifact}-{os.getpid()}-{secrets.token_hex(4)}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_name(f".{artifact}.lock")):
                for leftover in path.parent.glob(f".{artifact}-*.tmp*"):  # of killed writers: we hold the lock
                    leftover.unlink()
                try:
                    yield staged
                    _sync(staged)
                    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)  # another program's: it would not fit
                    staged.replace(path)
                finally:
                    for unfinished in (staged, staged.with_name(f"{staged.name}.wal")):
                        unfinished.unlink(missing_ok=True)
                with suppress(OSError):  # the new version is in place, and not every file system can sync a folder
                    _sync(path.parent)
        except (OSError, duckdb.Error) as error:
            why = f"{getattr(error, 'strerror', None) or type(error).__name__} in {path.parent}"
            damaged = "Corrupt database" in str(error)  # upsert reads most blocks only when it changes them in the copy
            said = _trouble(error, dataset, path) if damaged else f"could not be written ({why}): nothing was changed"
            raise ArtifactError(f"{what} {said}.") from error


@contextmanager
def _attached(path: Path, options: str, uncompressed: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a fresh connection with the file attached as ``x``; what is changed is in the file when the block ends."""
    with closing(duckdb.connect(":memory:")) as connection:
        connection.execute("SET python_enable_replacements = false; SET autoload_known_extensions = false")
        connection.execute("SET temp_directory = ''")  # else private text may be spilt into the current folder
        connection.execute(f"SET force_compression = '{'uncompressed' if uncompressed else 'auto'}'")
        literal = str(path).replace("'", "''")
        connection.execute(f"ATTACH '{literal}' AS x ({options})")
        connection.begin()
        yield connection
        connection.commit()
        connection.execute("CHECKPOINT x")  # DETACH would do it too, without a word if it failed
        connection.execute("DETACH x")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _trouble(error: BaseException, dataset: str, path: Path) -> str:
    """Say what DuckDB's words mean without quoting them: they may quote what is stored."""
    meanings = {
        "[Errno": f"cannot be read: check the rights to {path}",
        "Could not set lock": f"is open for writing in another program: close {path} there",
        "replaying WAL": f"has another program's log beside it: remove {path}.wal",
        "version number": "was written by a later DuckDB: update tagflow",
        "Out of Memory": "does not fit into the memory: use a machine with more",
        "_artifact does not exist": f"has no _artifact table, so tagflow did not write it: remove {path}",
    }
    damaged = f"is damaged ({type(error).__name__}): remove {path} and run tagflow run {dataset}"
    return next((meaning for words, meaning in meanings.items() if words in str(error)), damaged)


def _identifier(name: str) -> str:
    if not IDENTIFIER.fullmatch(name):
        raise ArtifactError(f"{name!r} cannot name an artifact or table: use 1-63 of a-z, 0-9 and _, first a letter.")
    return name


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _storable(where: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame as DuckDB can keep it, which tells no columns apart by case and has no vectors of width 0."""
    if not frame.width or len({name.lower() for name in frame.columns}) < frame.width:
        raise ArtifactError(f"{where} must have columns, with names that differ in more than case.")
    arrays = {name: dtype for name, dtype in frame.schema.items() if isinstance(dtype, pl.Array) and not dtype.size}
    if arrays and frame.height:
        raise ArtifactError(f"{where} must have vectors of at least one number in {list(arrays)}.")
    return frame.cast({name: pl.Array(dtype.inner, 1) for name, dtype in arrays.items()})


def _create(connection: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    connection.register("frame", frame)
    columns = ", ".join(_quoted(name) for name in frame.columns)
    connection.execute(f"CREATE OR REPLACE TABLE x.main.{_quoted(table)} AS SELECT {columns} FROM frame")


def _merge(con: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame, key: Sequence[str], where: str) -> None:
    con.register("frame", rows)
    target = f"x.main.{_quoted(table)}"
    old, new = con.sql(f"FROM {target}"), con.sql("FROM frame")
    stored, given = (dict(zip(side.columns, map(str, side.types), strict=True)) for side in (old, new))
    if set(stored) == set(given) and not len(old):
        return _create(con, table, rows.select(old.columns))  # its vectors have had no width until now
    if stored != given:
        raise ArtifactError(f"{where} has the columns {stored} and was given {given}.")
    same = " AND ".join(f"old.{_quoted(name)} IS NOT DISTINCT FROM frame.{_quoted(name)}" for name in key)
    con.execute(f"DELETE FROM {target} AS old WHERE EXISTS (SELECT 1 FROM frame WHERE {same})")
    con.execute(f"INSERT INTO {target} BY NAME SELECT * FROM frame")


def _find_table_faults(connection: duckdb.DuckDBPyConnection, name: str, table: Table) -> list[str]:
    source = f"x.main.{_quoted(name)}"
    stored = connection.sql(f"FROM {source}").columns
    if stored != list(table.columns):
        return [f"{name} has the columns {stored} and should have {list(table.columns)}"]
    filled = [column for column, declared in table.columns.items() if not declared.nullable]
    counts = [f"count(*) FILTER ({_quoted(column)} IS NULL)" for column in filled]
    nulls = connection.execute(f"SELECT {', '.join(counts)} FROM {source}").fetchone() or ()
    faults = [f"{name}.{column} is null in {n} rows" for column, n in zip(filled, nulls, strict=True) if n]
    if table.key:
        key = ", ".join(map(_quoted, table.key))
        (twice,) = connection.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM {source} GROUP BY {key} HAVING count(*) > 1)"
        ).fetchone() or (0,)
        faults += [f"{name}: {twice} keys {table.key} stand more than once"] if twice else []
    return faults


def _fetch(connection: duckdb.DuckDBPyConnection, table: str) -> pl.DataFrame:
    frame: pl.DataFrame = connection.sql(f"FROM x.main.{_quoted(table)}").pl()
    return frame


def _stamp(connection: duckdb.DuckDBPyConnection, tables: Sequence[str], uncompressed: bool) -> None:
    stamp = {
        "format": str(FORMAT),
        "tagflow": __version__,
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "uncompressed": str(uncompressed).lower(),
        **{f"rows.{table}": str(len(connection.sql(f"FROM x.main.{_quoted(table)}"))) for table in tables},
    }
    _create(connection, "_artifact", pl.DataFrame({"key": list(stamp), "value": list(stamp.values())}))
