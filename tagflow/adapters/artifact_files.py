"""One artifact as one DuckDB file: built in one go, checked by counting, opened for reading only."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl

from tagflow import __version__
from tagflow.errors import ArtifactError
from tagflow.tables import Table

FORMAT = 1  # of a file's layout; a later one is refused
IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,62}")

READ = "TYPE duckdb, READ_ONLY"
CHANGE = "TYPE duckdb, RECOVERY_MODE 'no_wal_writes'"  # a file that is built is whole or thrown away: it needs no log
CREATE = f"{CHANGE}, BLOCK_SIZE 16384, STORAGE_VERSION 'v1.5.0'"  # small files, which DuckDB 1.5 reads too
CREATE_WIDE = f"{CREATE}, ROW_GROUP_SIZE 4096"  # a group is held in memory: by default 122,880 rows, 0.5 GB of vectors


@contextmanager
def attached(path: Path, options: str, uncompressed: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
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


def sync(path: Path) -> None:
    """Have the disk keep a file, or a folder's names, before going on."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_identifier(name: str) -> str:
    """Return the name if it can name an artifact or a table, else raise ArtifactError."""
    if not IDENTIFIER.fullmatch(name):
        raise ArtifactError(f"{name!r} cannot name an artifact or table: use 1-63 of a-z, 0-9 and _, first a letter.")
    return name


def make_storable(where: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame as DuckDB can keep it, which tells no columns apart by case and has no vectors of width 0."""
    if not frame.width or len({name.lower() for name in frame.columns}) < frame.width:
        raise ArtifactError(f"{where} must have columns, with names that differ in more than case.")
    arrays = {name: dtype for name, dtype in frame.schema.items() if isinstance(dtype, pl.Array) and not dtype.size}
    if arrays and frame.height:
        raise ArtifactError(f"{where} must have vectors of at least one number in {list(arrays)}.")
    return frame.cast({name: pl.Array(dtype.inner, 1) for name, dtype in arrays.items()})


def create_table(connection: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    """Make or replace a table of the attached file."""
    connection.register("frame", frame)
    columns = ", ".join(_quoted(name) for name in frame.columns)
    connection.execute(f"CREATE OR REPLACE TABLE x.main.{_quoted(table)} AS SELECT {columns} FROM frame")


def merge_rows(con: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame, key: Sequence[str], where: str) -> None:
    """Put the rows at the table's end in place of those with the same key."""
    con.register("frame", rows)
    target = f"x.main.{_quoted(table)}"
    old, new = con.sql(f"FROM {target}"), con.sql("FROM frame")
    stored, given = (dict(zip(side.columns, map(str, side.types), strict=True)) for side in (old, new))
    if set(stored) == set(given) and not len(old):
        return create_table(con, table, rows.select(old.columns))  # its vectors have had no width until now
    if stored != given:
        raise ArtifactError(f"{where} has the columns {stored} and was given {given}.")
    same = " AND ".join(f"old.{_quoted(name)} IS NOT DISTINCT FROM frame.{_quoted(name)}" for name in key)
    con.execute(f"DELETE FROM {target} AS old WHERE EXISTS (SELECT 1 FROM frame WHERE {same})")
    con.execute(f"INSERT INTO {target} BY NAME SELECT * FROM frame")


def find_table_faults(connection: duckdb.DuckDBPyConnection, name: str, table: Table) -> list[str]:
    """Return what does not fit the declared table, a sentence each, counted without reading the rows."""
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


def fetch_table(connection: duckdb.DuckDBPyConnection, table: str) -> pl.DataFrame:
    """Return a table of the attached file, its rows in the order written."""
    frame: pl.DataFrame = connection.sql(f"FROM x.main.{_quoted(table)}").pl()
    return frame


def write_stamp(connection: duckdb.DuckDBPyConnection, tables: Sequence[str], uncompressed: bool) -> None:
    """Say in the attached file what wrote it, when, and how many rows each table has."""
    stamp = {
        "format": str(FORMAT),
        "tagflow": __version__,
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "uncompressed": str(uncompressed).lower(),
        **{f"rows.{table}": str(len(connection.sql(f"FROM x.main.{_quoted(table)}"))) for table in tables},
    }
    create_table(connection, "_artifact", pl.DataFrame({"key": list(stamp), "value": list(stamp.values())}))


def read_stamp(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return what the attached file says of itself."""
    return dict(fetch_table(connection, "_artifact").rows())


def count_rows(path: Path) -> dict[str, int]:
    """Return the rows of each table as the file's own stamp says; nothing for a file that cannot be opened."""
    try:
        with attached(path, READ) as connection:
            stamp = read_stamp(connection)
    except (duckdb.Error, OSError, ValueError):
        return {}
    return {key.removeprefix("rows."): int(value) for key, value in stamp.items() if key.startswith("rows.")}


def explain_trouble(error: BaseException, dataset: str, path: Path) -> str:
    """Say what DuckDB's words mean without quoting them: they may quote what is stored."""
    meanings = {
        "[Errno": f"cannot be read: check the rights to {path}",
        "Could not set lock": f"is open for writing in another program: close {path} there",
        "replaying WAL": f"has another program's log beside it: remove {path}.wal",
        "version number": "was written by a later DuckDB: update tagflow",
        "Out of Memory": "does not fit into the memory: use a machine with more",
        "_artifact does not exist": f"has no _artifact table, so tagflow did not write it: remove {path}",
    }
    damaged = tell_damage(type(error).__name__, dataset, path)
    return next((meaning for words, meaning in meanings.items() if words in str(error)), damaged)


def tell_damage(why: str, dataset: str, path: Path) -> str:
    """Say that a file is damaged and what brings it back."""
    return (
        f"is damaged ({why}): go back to an earlier version with tagflow rollback {dataset}, or remove {path} and run "
        f"tagflow run {dataset}"
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
