"""Contents that do not lie in the dataset's folder: files elsewhere, a table or query of a database, an asset's rows.

Every one ends in the same records as a file does, so that the same rules hold: a row that is no text is quarantined, an
id stays as it is written, the last row of an id counts.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from tagflow.adapters.content_reader import list_content_files, read_contents, read_stream
from tagflow.adapters.content_table import ContentTable, gather_contents
from tagflow.adapters.record_formats import read_batches, read_rows
from tagflow.adapters.record_lines import Record, Rejected, reject
from tagflow.errors import ConfigError
from tagflow.settings import DatasetSettings
from tagflow.source_settings import SourceSettings

ROWS = 512  # ours: rows fetched at a time

LoadAsset = Callable[[str], object]
"""Gives the value of an upstream asset by its key: a Polars or pandas frame, an Arrow table, or a list of mappings."""


def read_source(folder: Path, settings: DatasetSettings, load_asset: LoadAsset | None = None) -> ContentTable:
    """Return the contents of a dataset, from its ``contents/`` or from the source that its YAML names.

    Args:
        folder: the dataset's; relative paths of a source begin here.
        settings: the source, the columns and the labels.
        load_asset: loads upstream assets; without it a source that is one is refused.

    Raises:
        ConfigError: the source cannot be read, or there is nothing to use in it.
    """
    where, source = folder / "dataset.yaml", settings.source
    if source is None:
        return read_contents(folder / "contents", settings.columns, settings.labels, where)
    if list_content_files(folder / "contents"):
        raise ConfigError(
            f"{where}: contents come from source ({source.tell()}), but there are files in {folder / 'contents'} too; "
            "take the files or the key source away."
        )
    outcomes = _read_place(source, folder, where, load_asset)
    return gather_contents(outcomes, settings.columns, settings.labels, where, source.tell())


def _read_place(
    source: SourceSettings, folder: Path, where: Path, load_asset: LoadAsset | None
) -> Iterator[Record | Rejected]:
    if source.files:
        return _read_files(source.files, folder, where)
    if source.duckdb:
        return read_rows(_query_duckdb(source, folder, where), Path(source.duckdb).name)
    if source.database:
        return read_rows(_query_database(source, where), source.table or source.database)
    assert source.asset is not None
    if load_asset is None:
        raise ConfigError(
            f"{where}: source.asset {source.asset} can be read only in the Dagster deployment that has it, where "
            "build_defs names it in upstream."
        )
    return _read_value(load_asset(source.asset), source.asset, where)


def _read_files(pattern: str, folder: Path, where: Path) -> Iterator[Record | Rejected]:
    """A file that cannot be opened costs itself; one sentence says if there is none, or no way to read such a place."""
    import fsspec

    try:
        address = pattern if "://" in pattern else str(folder / pattern)
        system, path = fsspec.core.url_to_fs(address)
        files = sorted(file for file in system.glob(path) if system.isfile(file))
    except (ImportError, ValueError, OSError) as error:
        raise ConfigError(f"{where}: source.files {pattern} cannot be read: {_tell(error)}.") from error
    if not files:
        raise ConfigError(f"{where}: source.files {pattern} names no file.")
    return _read_each(system, files)


def _read_each(system: Any, files: list[str]) -> Iterator[Record | Rejected]:  # noqa: ANN401 - fsspec has no types
    for file in files:
        name = file.rsplit("/", 1)[-1]
        try:
            with system.open(file, "rb") as stream:
                yield from read_stream(stream, name)
        except OSError as error:
            yield reject(name, 0, f"cannot be read: {_tell(error)}")


def _query_duckdb(source: SourceSettings, folder: Path, where: Path) -> Iterator[Mapping[str, object]]:
    """The query sees the one database, or the Parquet files as the table ``contents``, and nothing else."""
    import duckdb

    assert source.duckdb is not None
    path = folder / source.duckdb
    parquet = path.suffix.lower() == ".parquet"
    files = sorted(str(file) for file in path.parent.glob(path.name)) if parquet else [str(path)]
    if not files or not Path(files[0]).is_file():
        raise ConfigError(f"{where}: source.duckdb {source.duckdb} names no file.")
    try:
        with duckdb.connect(config={"python_enable_replacements": False}) as connection:
            if parquet:
                connection.execute("SET allowed_paths = ?", [files])
                made = connection.from_parquet(files, union_by_name=True)
                made.create_view("contents")
            else:
                connection.execute(f"ATTACH {_quote(files[0], mark=chr(39))} AS source (READ_ONLY)")
                connection.execute("USE source")
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            asked = connection.execute(source.query or f"SELECT * FROM {_quote_table(source.table or '')}")
            names = [column[0] for column in asked.description or ()]
            while rows := asked.fetchmany(ROWS):
                yield from (dict(zip(names, row, strict=True)) for row in rows)
    except duckdb.Error as error:
        raise ConfigError(f"{where}: source.duckdb {source.duckdb} cannot be read: {_tell(error)}.") from error


def _query_database(source: SourceSettings, where: Path) -> Iterator[Mapping[str, object]]:
    """The address stands in the environment alone, since it may hold a password; nothing is ever committed."""
    import sqlalchemy

    assert source.database is not None
    address = os.environ.get(source.database, "").strip()
    if not address:
        raise ConfigError(
            f"{where}: source.database names the environment variable {source.database}, which is not set; it holds "
            "the database's address, such as postgresql+psycopg://user:password@host/shop."
        )
    try:
        engine = sqlalchemy.create_engine(address, poolclass=sqlalchemy.pool.NullPool)
        with closing(engine.connect()) as connection:
            table = sqlalchemy.text(source.query) if source.query else _find_table(source.table or "")
            rows = connection.execution_options(stream_results=True, yield_per=ROWS).execute(table)
            yield from map(dict, rows.mappings())
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        said = getattr(error, "orig", None) or error
        hidden = _tell(said).replace(address, "…")
        raise ConfigError(f"{where}: source.database {source.database} cannot be read: {hidden}.") from None


def _find_table(name: str) -> Any:  # noqa: ANN401 - a statement of SQLAlchemy
    import sqlalchemy

    schema, _, table = name.rpartition(".")
    return sqlalchemy.select(sqlalchemy.text("*")).select_from(sqlalchemy.table(table, schema=schema or None))


def _read_value(value: object, asset: str, where: Path) -> Iterator[Record | Rejected]:
    """Any kind of frame gives Arrow batches."""
    if isinstance(value, list) and all(isinstance(row, Mapping) for row in value):
        return read_rows(value, asset)
    if not hasattr(value, "__arrow_c_stream__"):
        raise ConfigError(
            f"{where}: source.asset {asset} is a {type(value).__name__}; it must be a Polars or pandas frame, an Arrow "
            "table or a list of mappings."
        )
    import pyarrow

    return read_batches(pyarrow.RecordBatchReader.from_stream(value), asset)


def _quote_table(name: str) -> str:
    return ".".join(_quote(part) for part in name.split("."))


def _quote(name: str, mark: str = '"') -> str:
    return mark + name.replace(mark, 2 * mark) + mark


def _tell(error: BaseException) -> str:
    """The first line of what a library says, without the dot at its end."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")[:300]
