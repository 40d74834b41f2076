"""Which contents are held out: a column says so, or a stable hash of the id, and labelled contents only."""

import hashlib
from fractions import Fraction

import polars as pl

SALT = "tagflow-split-v1:"


def is_held_out(content_id: str, share: Fraction) -> bool:
    """Return whether SHA-256 of the salted id, modulo the share's denominator, is below its numerator. Source: ours."""
    digest = hashlib.sha256((SALT + content_id).encode()).hexdigest()
    return int(digest, 16) % share.denominator < share.numerator


def split_contents(contents: pl.DataFrame, share: Fraction, *, by_column: bool) -> pl.Series:
    """Return ``test`` or ``fit`` for each content.

    Args:
        contents: columns ``content_id``, ``labels`` and ``split``.
        share: share of the labelled contents to hold out.
        by_column: the ``split`` column decides (``test`` in any case holds out, if the content is labelled).
    """
    labelled = contents["labels"].list.len() > 0
    if by_column:
        asked = contents["split"].fill_null("").str.strip_chars().str.to_lowercase() == "test"
    else:
        asked = pl.Series([is_held_out(content_id, share) for content_id in contents["content_id"]], dtype=pl.Boolean)
    test = labelled & asked
    return pl.select(pl.when(test).then(pl.lit("test")).otherwise(pl.lit("fit")).alias("split")).to_series()


def draw_contents(contents: pl.DataFrame, most: int) -> pl.DataFrame:
    """Return the contents as they are, or ``most`` of them, drawn by a hash of their ids that no library changes."""
    if len(contents) <= most:
        return contents
    said = [hashlib.blake2b(one.encode(), digest_size=8).hexdigest() for one in contents["content_id"]]
    return contents.with_columns(draw=pl.Series(said)).sort("draw").head(most).drop("draw")
