"""Hashtags in titles and captions: found as clues, stripped when they are the reference."""

import polars as pl

HASHTAG = r"[#＃]([\p{L}\p{M}\p{N}_]+)[#＃]?"
"""A mark and the letters, digits and underscores after it; a closing mark (``#tag#``) belongs to it."""


def find_hashtags(text: pl.Expr) -> pl.Expr:
    """Return the distinct hashtags of a text, without marks, in order of appearance; digits alone are none."""
    marked = text.fill_null("").str.extract_all(HASHTAG)
    bare = marked.list.eval(pl.element().str.strip_chars("#＃"))
    return bare.list.eval(pl.element().filter(pl.element().str.contains(r"\p{L}"))).list.unique(maintain_order=True)


def strip_hashtags(text: pl.Expr) -> pl.Expr:
    """Return the text without its hashtags; null stays null."""
    return text.str.replace_all(HASHTAG, "").str.replace_all(r"[ \t]+", " ").str.strip_chars()
