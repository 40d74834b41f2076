"""Pairs of tags as guards and confirmations compare them: folded, each text once, and where the two differ."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tagflow.errors import ConfigError
from tagflow.tagset.word_groups import fold_words

WIDEST = 64  # ours: characters of a text that are aligned; tags are cut at 40 by default


class PairTexts(NamedTuple):
    """Pairs of texts, each distinct text once.

    Attributes:
        texts: distinct folded texts.
        left: the left text of each pair, as a place in ``texts``, shape (pairs,).
        right: the right one.
        language: of the texts.
    """

    texts: pl.Series
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    language: str


def fold_pairs(pairs: pl.DataFrame, language: str) -> PairTexts:
    """Return the pairs with their texts folded; Chinese texts in simplified characters.

    Args:
        pairs: left and right, as ``normalisation.normalise`` keys or any spelling.
        language: of the tags; another one than English or Chinese is folded alike.

    Raises:
        ConfigError: the language's extra is not installed.
    """
    both = pl.concat([pairs["left"].alias("text"), pairs["right"].alias("text")])
    folded = fold_words(both)
    if language == "zh":
        folded = simplify(folded)
    distinct = folded.unique(maintain_order=True).sort()
    places = distinct.to_frame("text").with_row_index("place")
    at = folded.to_frame("text").join(places, on="text", how="left", maintain_order="left")["place"]
    found = at.cast(pl.Int64).to_numpy()
    return PairTexts(distinct.alias("text"), found[: len(pairs)], found[len(pairs) :], language)


def simplify(texts: pl.Series) -> pl.Series:
    """Return texts with traditional Chinese characters replaced by simplified ones.

    Raises:
        ConfigError: the Chinese extra is not installed.
    """
    if not len(texts):
        return texts
    return pl.Series(texts.name, _find_converter()("\n".join(texts)).split("\n"), dtype=pl.String)


@lru_cache
def _find_converter() -> Callable[[str], str]:
    try:
        from opencc import OpenCC
    except ImportError as error:
        raise ConfigError(
            "language: zh needs the converter of Chinese characters, which is not installed: "
            "pip install 'tagflow[chinese]'."
        ) from error
    convert: Callable[[str], str] = OpenCC("t2s").convert
    return convert


def mark_words(texts: pl.Series, phrases: Sequence[str] = ()) -> pl.Series:
    """Return texts with a space of its own on both sides of every word, listed phrases joined to one word by ``_``."""
    padded = texts.str.replace_all(" ", "  ")
    marked = (" " + padded + " ").alias(texts.name)
    long = sorted({phrase for phrase in phrases if " " in phrase}, key=lambda phrase: (-len(phrase), phrase))
    if not long:
        return marked
    patterns = [f" {phrase.replace(' ', '  ')} " for phrase in long]
    joined = [f" {phrase.replace(' ', '_')} " for phrase in long]
    return marked.to_frame("text").select(pl.col("text").str.replace_many(patterns, joined, leftmost=True)).to_series()


def split_words(texts: pl.Series, phrases: Sequence[str] = ()) -> pl.Series:
    """Return the words of each text as a list."""
    return mark_words(texts, phrases).str.strip_chars().str.split("  ")


def find_words(texts: pl.Series, words: Sequence[str], *, spaced: bool) -> pl.Series:
    """Return the listed words and phrases that stand in each text, the leftmost and longest where they overlap.

    Args:
        texts: folded texts.
        words: what to look for.
        spaced: whether they stand between spaces, or anywhere.
    """
    ordered = sorted(set(words), key=lambda word: (-len(word), word))
    if not ordered:
        return pl.Series(texts.name, [[]] * len(texts), dtype=pl.List(pl.String))
    within = mark_words(texts) if spaced else texts
    patterns = [f" {word.replace(' ', '  ')} " for word in ordered] if spaced else ordered
    found = within.to_frame("text").select(pl.col("text").str.extract_many(patterns, leftmost=True)).to_series()
    return found.list.eval(pl.element().str.strip_chars().str.replace_all("  ", " ")) if spaced else found


def list_difference(lists: pl.Series, pairs: PairTexts) -> pl.DataFrame:
    """Return what each list of a pair has and the other has not: columns left and right."""
    both = pl.DataFrame({"left": lists.gather(pairs.left), "right": lists.gather(pairs.right)})
    return both.select(
        left=pl.col("left").list.set_difference("right"), right=pl.col("right").list.set_difference("left")
    )


def find_middles(pairs: PairTexts) -> pl.DataFrame:
    """Return what is left of the two texts of each pair without their common beginning and ending: left and right."""
    texts = pairs.texts.str.slice(0, WIDEST)
    codes, sizes = _encode(texts)
    short = np.minimum(sizes[pairs.left], sizes[pairs.right])
    columns = np.arange(codes.shape[1])
    same = codes[pairs.left] == codes[pairs.right]
    start = np.minimum(np.where(same.all(1), codes.shape[1], same.argmin(1)), short)
    backward = _turn(codes, sizes)
    same = (backward[pairs.left] == backward[pairs.right]) & (columns[None, :] < (short - start)[:, None])
    end = np.where(same.all(1), codes.shape[1], same.argmin(1))
    cut = {"start": start, "end": np.minimum(end, short - start)}
    frame = pl.DataFrame({"left": texts.gather(pairs.left), "right": texts.gather(pairs.right)} | cut)
    return frame.select(
        pl.col(side).str.slice(pl.col("start"), pl.col(side).str.len_chars().cast(pl.Int64) - pl.col("start") - end)
        for side in ("left", "right")
        for end in (pl.col("end"),)
    )


def _encode(texts: pl.Series) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    fixed = np.array(texts.to_list() or [""], dtype=f"U{WIDEST}")
    return fixed.view(np.uint32).reshape(len(fixed), WIDEST), texts.str.len_chars().cast(pl.Int64).to_numpy()


def _turn(codes: NDArray[np.uint32], sizes: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Each text read from its end."""
    if not len(sizes):
        return codes
    places = sizes[:, None] - 1 - np.arange(codes.shape[1])
    turned: NDArray[np.uint32] = np.where(places >= 0, np.take_along_axis(codes, np.maximum(places, 0), axis=1), 0)
    return turned
