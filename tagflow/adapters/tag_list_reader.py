"""Reads the user's own tag list: a CSV, TSV, JSONL or Parquet file, or a SKOS thesaurus, beside dataset.yaml."""

from pathlib import Path

import polars as pl

from tagflow.adapters.content_reader import Record, Rejected, read_records
from tagflow.adapters.thesaurus_reader import read_thesaurus, reads
from tagflow.errors import ConfigError

SCHEMA = {
    "tag": pl.String(),
    "aliases": pl.List(pl.String()),
    "description": pl.String(),
    "broader": pl.List(pl.String()),
}
DELIMITERS = ("|", ";", ",")
"""What parts the names of a cell; the first that occurs in it does."""

Row = tuple[str, list[str], str | None, list[str]]


def read_tag_list(folder: Path, file: str | None, language: str = "en") -> pl.DataFrame:
    """Return the tags with their aliases, descriptions and broader tags, in file order; an empty frame for no file.

    Args:
        folder: the dataset's.
        file: name of the list in it; by its ending a table (columns tag, and if you like aliases, description and
            broader) or a thesaurus (see ``read_thesaurus``), also with .gz.
        language: of which a thesaurus' labels are taken.

    Returns:
        tag, aliases (empty without one), description (null without one), broader (empty without one).

    Raises:
        ConfigError: the file is missing, lies outside the dataset's folder, has no column ``tag``, or has a bad record.
    """
    if file is None:
        return pl.DataFrame(schema=SCHEMA)
    path = (folder / file).resolve()
    where = f"{folder / 'dataset.yaml'}: vocabulary.file"
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise ConfigError(f"{where} names {file!r}, and there is no such file in {folder}.")
    rows = read_thesaurus(path, language) if reads(path) else _read_table(path)
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _read_table(path: Path) -> list[Row]:
    rows = []
    for record in read_records(path):
        if isinstance(record, Rejected):
            place = f", line {record.line}" if record.line else ""
            raise ConfigError(f"{path}{place}: {record.reason}.")
        rows.append(_read_row(record, path))
    return rows


def _read_row(record: Record, path: Path) -> Row:
    tag, description = record.fields.get("tag"), record.fields.get("description")
    if not isinstance(tag, str) or not tag.strip():
        raise ConfigError(f"{path}, line {record.line}: a tag list needs a text in the column 'tag' of every record.")
    said = description if isinstance(description, str) and description.strip() else None
    return tag, _split(record.fields.get("aliases")), said, _split(record.fields.get("broader"))


def _split(cell: str | list[str] | None) -> list[str]:
    if isinstance(cell, str):
        delimiter = next((mark for mark in DELIMITERS if mark in cell), DELIMITERS[0])
        cell = cell.split(delimiter)
    return [name.strip() for name in cell or [] if name.strip()]
