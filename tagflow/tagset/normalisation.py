"""When two spellings are the same tag, and what text a tag is embedded as."""

import hashlib

import polars as pl

MARKS = r"\"'`“”‘’«»「」『』《》〈〉()（）\[\]【】{}.,;:!?。，、；：！？…·*_~|/\\#＃ \t"
LEADING = rf"^(?:[{MARKS}&&[^.]]|\.\.+)+"
TRAILING = rf"[{MARKS}]+$"

KEPT_SHARP = ("\ue000", r"(^|[^\p{L}\p{M}\p{N}])(\p{L})#")
KEPT_PLUS = ("\ue001", r"(\p{L})\+\+")
"""Marks that belong to a name (C#, C++), and the private character that stands for them while the others go."""


def normalise(tag: pl.Expr) -> pl.Expr:
    """Return the key that makes spellings of one tag equal.

    NFKC, lower case, one space; quotes, hash marks and punctuation go at both ends, but not the dot before a word
    (.NET) or the sharp after a single letter (C#).
    """
    folded = _fold(tag).str.replace_all(r"\s+", " ").str.replace(r"^\s*#([^#]+)#+\s*$", "$1")
    kept = _keep_sharp(folded)
    return kept.str.replace(LEADING, "").str.replace(TRAILING, "").str.replace_all(KEPT_SHARP[0], "#")


def normalise_tags(tags: pl.Series) -> pl.Series:
    """Return ``normalise`` of a series."""
    return tags.to_frame("tag").select(normalise(pl.col("tag"))).to_series()


def tag_text(tag: pl.Expr) -> pl.Expr:
    """Return the text a tag is embedded and looked for as: its key with slug marks (``open-data``) read as spaces."""
    return normalise(tag).str.replace_all(r"[-_/]+", " ").str.replace_all(r"\s+", " ").str.strip_chars()


def lexical_text(text: pl.Expr) -> pl.Expr:
    """Return a text as lower-case words with one space around each, so that whole words are found as substrings."""
    kept = _keep_sharp(_fold(text)).str.replace_all(KEPT_PLUS[1], f"${{1}}{KEPT_PLUS[0]}")
    words = kept.str.replace_all(rf"[^\p{{L}}\p{{M}}\p{{N}}{KEPT_SHARP[0]}{KEPT_PLUS[0]}]+", " ").str.strip_chars()
    plain = words.str.replace_all(KEPT_SHARP[0], "#").str.replace_all(KEPT_PLUS[0], "++")
    return pl.lit(" ") + plain + pl.lit(" ")


def needle_text(tag: pl.Expr) -> pl.Expr:
    """Return what to look for in a ``lexical_text``: the tag as whole words, or as it is in scripts without spaces."""
    words = lexical_text(tag_text(tag))
    unspaced = words.str.contains(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]")
    return pl.when(unspaced).then(words.str.strip_chars()).otherwise(words)


def _fold(text: pl.Expr) -> pl.Expr:
    return text.str.normalize("NFKC").str.to_lowercase().str.replace_all("ß", "ss").str.normalize("NFKC")


def _keep_sharp(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all(KEPT_SHARP[1], f"${{1}}${{2}}{KEPT_SHARP[0]}")


def make_tag_id(key: str) -> str:
    """Return the tag id of a normalised form: ``t`` and 12 hex digits of its BLAKE2b. Source: ours."""
    return "t" + hashlib.blake2b(key.encode(), digest_size=6).hexdigest()
