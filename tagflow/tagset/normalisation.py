"""When two spellings are the same tag, and what text a tag is embedded as."""

import hashlib

import polars as pl

from tagflow.clues.hashtags import HASHTAG

EDGE_MARKS = "\"'`“”‘’«»「」『』《》〈〉()（）[]【】{}.,;:!?。，、；：！？…·*_~|/\\#＃ \t"


def normalise(tag: pl.Expr) -> pl.Expr:
    """Return the key that makes spellings of one tag equal: NFKC, lower case, one space, no marks at the ends."""
    folded = tag.str.normalize("NFKC").str.to_lowercase().str.replace_all("ß", "ss").str.normalize("NFKC")
    return folded.str.replace_all(r"\s+", " ").str.strip_chars(EDGE_MARKS)


def normalise_tags(tags: pl.Series) -> pl.Series:
    """Return ``normalise`` of a series."""
    return tags.to_frame("tag").select(normalise(pl.col("tag"))).to_series()


def tag_text(tag: pl.Expr) -> pl.Expr:
    """Return the text a tag is embedded and looked for as: its key with slug marks (``open-data``) read as spaces."""
    return normalise(tag).str.replace_all(r"[-_/]+", " ").str.replace_all(r"\s+", " ").str.strip_chars()


def lexical_text(text: pl.Expr) -> pl.Expr:
    """Return a text as lower-case words with single spaces around each, to look a ``tag_text`` up in as whole words.

    Scripts without spaces keep their runs; a look-up there is by substring.
    """
    folded = text.str.normalize("NFKC").str.to_lowercase()
    return pl.lit(" ") + folded.str.replace_all(r"[^\p{L}\p{M}\p{N}+#]+", " ").str.strip_chars() + pl.lit(" ")


def split_hashtag(hashtag: pl.Expr) -> pl.Expr:
    """Return a hashtag as words: camel case and underscores separate (``VeganDinner`` gives ``Vegan Dinner``)."""
    return (
        hashtag.str.replace_all(HASHTAG, "$1")
        .str.replace_all(r"(\p{Ll})(\p{Lu})", "$1 $2")
        .str.replace_all(r"_+", " ")
        .str.strip_chars()
    )


def make_tag_id(key: str) -> str:
    """Return the tag id of a normalised form: ``t`` and 12 hex digits of its BLAKE2b. Source: ours."""
    return "t" + hashlib.blake2b(key.encode(), digest_size=6).hexdigest()
