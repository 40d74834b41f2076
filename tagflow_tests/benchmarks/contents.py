"""The labelled contents that a benchmark reads: JSON Lines, a content a line."""

from pathlib import Path

import polars as pl

from tagflow.clues.conversion import convert_contents
from tagflow.settings import CLUE_FIELDS, DatasetSettings

NO_LIST = pl.DataFrame(schema={"tag": pl.String, "aliases": pl.List(pl.String), "description": pl.String})
"""No tag list of the user's own."""


def read_clues(path: Path, settings: DatasetSettings) -> pl.DataFrame:
    """Return the ``raw_clues`` of a .jsonl or .jsonl.gz file with id, clue fields and tags."""
    schema: dict[str, pl.DataType] = {
        "id": pl.String(),
        **dict.fromkeys(CLUE_FIELDS, pl.String()),
        "tags": pl.List(pl.String()),
    }
    read = pl.read_ndjson(path, schema=schema).rename({"id": "content_id", "tags": "labels"})
    return convert_contents(read.with_columns(split=pl.lit(None, pl.String), source_file=pl.lit(path.name)), settings)
