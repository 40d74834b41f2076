"""Reads the user's own tag list: a CSV, TSV or JSONL file beside dataset.yaml."""

from pathlib import Path

import polars as pl

from tagflow.adapters.content_reader import Record, Rejected, read_records
from tagflow.errors import ConfigError

SCHEMA = {"tag": pl.String, "description": pl.String}


def read_tag_list(folder: Path, file: str | None) -> pl.DataFrame:
    """Return tag and description (null where there is none) in file order; an empty frame for no file.

    Raises:
        ConfigError: the file is missing, lies outside the dataset's folder, has no column ``tag``, or has a bad record.
    """
    if file is None:
        return pl.DataFrame(schema=SCHEMA)
    path = (folder / file).resolve()
    where = f"{folder / 'dataset.yaml'}: vocabulary.file"
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise ConfigError(f"{where} names {file!r}, and there is no such file in {folder}.")
    rows = []
    for record in read_records(path):
        if isinstance(record, Rejected):
            place = f", line {record.line}" if record.line else ""
            raise ConfigError(f"{path}{place}: {record.reason}.")
        rows.append(_read_row(record, path))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _read_row(record: Record, path: Path) -> tuple[str, str | None]:
    tag, description = record.fields.get("tag"), record.fields.get("description")
    if not isinstance(tag, str) or not tag.strip():
        raise ConfigError(f"{path}, line {record.line}: a tag list needs a text in the column 'tag' of every record.")
    return tag, description if isinstance(description, str) else None
