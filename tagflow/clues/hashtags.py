"""Hashtags in titles and captions: found as clues, stripped when they are the reference."""

import polars as pl

MARK = "[#＃]"
WORD = r"[\p{L}\p{M}\p{N}_]*\p{L}[\p{L}\p{M}\p{N}_]*"
"""Letters, marks, digits and underscores with at least one letter: digits alone are no hashtag."""

RUN = f"(?:{MARK}+{WORD})+{MARK}?"
"""Hashtags without a space between them."""

LONG_RUN = rf"{MARK}{WORD}(?:{MARK}{WORD}{MARK}{WORD})+([^#＃\p{{L}}\p{{M}}\p{{N}}_]|$)"
"""A run of three, five, … marks that ends without one."""


def find_hashtags(text: pl.Expr) -> pl.Expr:
    """Return the distinct hashtags of a text, without marks, in order of appearance; digits alone are none.

    Where hashtags stand without spaces, an even number of marks is read as pairs (``#旅行#今天`` has one hashtag), an
    odd number as one mark a hashtag (``#travel#food#fun`` has three).
    """
    run = pl.element()
    paired = run.str.extract_all(f"{MARK}{WORD}{MARK}")
    single = run.str.extract_all(f"{MARK}{WORD}")
    runs = text.fill_null("").str.extract_all(RUN)
    marked = pl.when(run.str.count_matches(MARK) % 2 == 0).then(paired).otherwise(single)
    bare = marked.explode(empty_as_null=False).str.strip_chars("#＃")
    return runs.list.eval(bare).list.unique(maintain_order=True)


def strip_hashtags(text: pl.Expr) -> pl.Expr:
    """Return the text without its hashtags; null stays null."""
    stripped = text.str.replace_all(LONG_RUN, " $1")
    for hashtag in (f"{MARK}{WORD}{MARK}", f"{MARK}{WORD}"):
        stripped = stripped.str.replace_all(hashtag, " ")
    return stripped.str.replace_all(r"[ \t]+", " ").str.replace_all(r" ?\n ?", "\n").str.strip_chars()


def split_hashtag(hashtag: pl.Expr) -> pl.Expr:
    """Return a hashtag as words: camel case and underscores separate (``VeganDinner`` gives ``Vegan Dinner``)."""
    return (
        hashtag.str.strip_chars("#＃")
        .str.replace_all(r"(\p{Ll})(\p{Lu})", "$1 $2")
        .str.replace_all(r"_+", " ")
        .str.strip_chars()
    )
