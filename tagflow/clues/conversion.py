"""The clue converter: contents as read become clues (TagGPT §2.1.1)."""

import hashlib

import polars as pl

from tagflow.clues.hashtags import find_hashtags, split_hashtag, strip_hashtags
from tagflow.clues.holdout import split_contents
from tagflow.clues.packing import pack_clues
from tagflow.settings import CLUE_FIELDS, DatasetSettings


def convert_contents(contents: pl.DataFrame, settings: DatasetSettings) -> pl.DataFrame:
    """Return the ``raw_clues`` frame of contents as read, in their order.

    Args:
        contents: content_id, one String column a clue field, labels, split, source_file.
        settings: language, holdout, packing budget, and whether hashtags are the labels (then they leave the clues).
    """
    hashtags = contents.select(find_hashtags(pl.concat_str(["title", "caption"], separator=" ", ignore_nulls=True)))
    if settings.labels.source == "hashtags":
        stripped = [strip_hashtags(pl.col(name)) for name in CLUE_FIELDS]
        contents = contents.with_columns(*stripped, labels=hashtags.to_series().list.eval(split_hashtag(pl.element())))
        hashtags = hashtags.select(pl.all().list.head(0))  # the reference is no clue
    packed = pack_clues(contents.select(CLUE_FIELDS), settings.clues.budget)
    clues = pl.concat_list([pl.struct(field=pl.lit(name), text=pl.col(name)) for name in CLUE_FIELDS])
    blank = pl.element().struct.field("text").fill_null("").str.strip_chars() == ""
    share = settings.holdout_fraction()
    by_column = share > 0 and (contents["split"].str.strip_chars().str.to_lowercase() == "test").any()
    frame = contents.select(
        "content_id",
        clues=clues.list.eval(pl.element().filter(~blank)),
        text=packed["text"],
        cuts=packed["cuts"],
        language=pl.lit(settings.language),
        hashtags=hashtags.to_series(),
        labels="labels",
        split=split_contents(contents, share, by_column=bool(by_column)),
        source_file="source_file",
    )
    return frame.with_columns(content_hash=hash_contents(frame))


def hash_contents(frame: pl.DataFrame) -> pl.Series:
    """Return the BLAKE2b (16 bytes, hex) of each content's clues, packed text and language; labels do not enter it."""
    said = frame.select(
        pl.col("clues")
        .list.eval(pl.element().struct.field("field") + "\x1f" + pl.element().struct.field("text"))
        .list.join("\x1e")
        + "\x1d"
        + pl.col("text")
        + "\x1c"
        + pl.col("language")
    ).to_series()
    return pl.Series([hashlib.blake2b(text.encode(), digest_size=16).hexdigest() for text in said], dtype=pl.String)


KEYCAP = r"[0-9]\x{FE0F}?\x{20E3}|\x{2139}\x{FE0F}"
"""Emoji that are made of a digit or a letter."""


def has_text() -> pl.Expr:
    """True for contents with a letter or digit in their packed text; the others are skipped, never embedded."""
    return pl.col("text").str.replace_all(KEYCAP, "").str.contains(r"[\p{L}\p{N}]")
