"""Builds the small frames that tests of the pure floors start from."""

from collections.abc import Mapping

import polars as pl

from tagflow.schemas import ARTIFACTS, FUSED_TAGSET, RAW_CLUES
from tagflow.settings import CLUE_FIELDS
from tagflow.tables import Table

Row = Mapping[str, object]


def make_frame(table: Table, rows: list[Row], **defaults: object) -> pl.DataFrame:
    """Return a frame of the table; a column a row leaves out takes its default, or null."""
    return pl.DataFrame([{**dict.fromkeys(table.columns), **defaults, **row} for row in rows], schema=table.dtypes)


def make_table(artifact: str, rows: list[Row], table: str | None = None, **defaults: object) -> pl.DataFrame:
    """Return a frame of an artifact's table (its main one unless said) by the artifact's name."""
    return make_frame(ARTIFACTS[artifact].tables[table or artifact], rows, **defaults)


def make_contents(*contents: Row) -> pl.DataFrame:
    """Return contents as the reader gives them; what a content leaves out is null, and it has no labels."""
    strings = ("content_id", *CLUE_FIELDS, "split", "source_file")
    schema = {**dict.fromkeys(strings, pl.String()), "labels": pl.List(pl.String()), "line": pl.Int64()}
    filled = {"content_id": "c1", "labels": [], "source_file": "a.jsonl", "line": 1}
    return pl.DataFrame([{**dict.fromkeys(schema), **filled, **content} for content in contents], schema=schema)


def make_raw_clues(*contents: Row) -> pl.DataFrame:
    """Return raw_clues; a content says at least its content_id, its text is one caption, its split is fit."""
    rows = []
    for content in contents:
        text = content.get("text", "some text")
        rows.append({"text": text, "clues": [{"field": "caption", "text": text}] if text else [], **content})
    return make_frame(
        RAW_CLUES.tables["raw_clues"],
        rows,
        cuts=[],
        language="en",
        hashtags=[],
        labels=[],
        split="fit",
        content_hash="hash",
        source_file="contents.jsonl",
    )


def make_tagset(*tags: Row) -> pl.DataFrame:
    """Return a fused_tagset; a tag says at least its tag_id and tag."""
    return make_frame(FUSED_TAGSET.tables["fused_tagset"], list(tags), frequency=1, aliases=[], origin="proposed")
