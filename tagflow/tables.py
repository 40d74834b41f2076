"""What an artifact is made of, and the check that a frame is what its schema declares."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from tagflow.errors import ArtifactError

Tables = dict[str, pl.DataFrame]
"""One artifact: table name to frame."""


@dataclass(frozen=True)
class Column:
    """One column: its Polars dtype, what it means, and whether it may be null."""

    dtype: pl.DataType
    meaning: str
    nullable: bool = False


@dataclass(frozen=True)
class Table:
    """One table: its columns in order and the columns that identify a row (empty: rows may repeat)."""

    columns: Mapping[str, Column]
    key: tuple[str, ...] = ()

    def empty(self) -> pl.DataFrame:
        """Return a frame with this table's columns and no rows."""
        return pl.DataFrame(schema=self.dtypes)

    @property
    def dtypes(self) -> pl.Schema:
        """Dtype of each column, in order."""
        return pl.Schema({name: column.dtype for name, column in self.columns.items()})

    def shape(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return this table's columns of the frame, in order, cast to their dtypes; an absent nullable one is null."""
        absent = [name for name, column in self.columns.items() if column.nullable and name not in frame.columns]
        given = frame.with_columns(pl.lit(None).alias(name) for name in absent)
        return given.select(pl.col(name).cast(dtype) for name, dtype in self.dtypes.items())


@dataclass(frozen=True)
class Artifact:
    """One artifact: its tables (the main one first), its place in the papers and a sentence for people."""

    name: str
    tables: Mapping[str, Table]
    source: str
    meaning: str


def check_tables(artifact: Artifact, tables: Tables) -> Tables:
    """Return the tables with columns in declared order, or say what does not fit the declared schema.

    Raises:
        ArtifactError: a table is missing or unknown, a column is missing, unknown, of another dtype, null where it may
            not be, or the key repeats.
    """
    if set(tables) != set(artifact.tables):
        raise ArtifactError(
            f"{artifact.name} must hold the tables {sorted(artifact.tables)} and was given {sorted(tables)}."
        )
    return {
        name: _check_table(f"{artifact.name}.{name}", table, tables[name]) for name, table in artifact.tables.items()
    }


def _check_table(where: str, table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    if set(frame.columns) != set(table.columns):
        missing, extra = set(table.columns) - set(frame.columns), set(frame.columns) - set(table.columns)
        raise ArtifactError(f"{where} lacks the columns {sorted(missing)} and has the unknown columns {sorted(extra)}.")
    frame = frame.select(list(table.columns))
    for name, column in table.columns.items():
        if not _fits(frame.schema[name], column.dtype):
            raise ArtifactError(f"{where}.{name} must be {column.dtype} and is {frame.schema[name]}.")
        if frame.schema[name].is_float() and frame[name].is_nan().any():
            raise ArtifactError(f"{where}.{name} holds values that are no numbers (NaN).")
        if not column.nullable and frame[name].null_count():
            raise ArtifactError(f"{where}.{name} has {frame[name].null_count()} null values and may have none.")
    if table.key and frame.select(*table.key).is_duplicated().any():
        twice = frame.filter(frame.select(*table.key).is_duplicated()).select(*table.key).row(0)
        raise ArtifactError(f"{where} holds {dict(zip(table.key, twice, strict=True))} more than once.")
    return frame


def _fits(dtype: pl.DataType, declared: pl.DataType) -> bool:
    if isinstance(declared, pl.Array):  # a vector's width is the encoder's, not the schema's
        return isinstance(dtype, pl.Array) and dtype.inner == declared.inner
    return dtype == declared
