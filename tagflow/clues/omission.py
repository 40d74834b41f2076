"""Contents as they would be without one of their fields: which clue earns which tag is seen by leaving it out."""

import polars as pl

from tagflow.clues.conversion import hash_contents
from tagflow.clues.packing import pack_clues
from tagflow.settings import CLUE_FIELDS


def list_fields(raw_clues: pl.DataFrame) -> list[str]:
    """Return the fields that any of the contents has, in packing order."""
    said = set(raw_clues.select(pl.col("clues").list.explode().struct.field("field")).to_series().drop_nulls())
    return [field for field in CLUE_FIELDS if field in said]


def omit_field(raw_clues: pl.DataFrame, field: str, budget: int) -> pl.DataFrame:
    """Return the contents that have the field and something else to say, without it, packed anew, in their order.

    Args:
        raw_clues: the contents.
        field: the field that is left out.
        budget: characters a content may keep, as in the dataset's settings.
    """
    names = pl.col("clues").list.eval(pl.element().struct.field("field"))
    having = raw_clues.filter(names.list.contains(field) & (names.list.len() > 1))
    left = having.with_columns(
        clues=pl.col("clues").list.eval(pl.element().filter(pl.element().struct.field("field") != field))
    )
    texts = {
        name: pl.col("clues")
        .list.eval(pl.element().filter(pl.element().struct.field("field") == name).struct.field("text"))
        .list.first()
        for name in CLUE_FIELDS
    }
    packed = pack_clues(left.select(**texts), budget)
    renewed = left.with_columns(text=packed["text"], cuts=packed["cuts"])
    return renewed.with_columns(content_hash=hash_contents(renewed))
