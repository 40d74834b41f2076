"""Guards of the tag fusion: reasons to keep two tags apart although their vectors are near (ours)."""

from collections.abc import Callable, Collection

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tagflow.errors import ConfigError
from tagflow.tagset.names import differ_in_names, differ_in_scope
from tagflow.tagset.numbers import is_numeral, read_numbers
from tagflow.tagset.opposites import differ_in_opposites
from tagflow.tagset.pair_texts import PairTexts, find_middles, fold_pairs, list_difference, split_words
from tagflow.tagset.reasons import say_when, take_first
from tagflow.tagset.spellings import join_equals, make_forms
from tagflow.tagset.word_groups import GuardWords, load_guard_words


def prepare_pairs(pairs: pl.DataFrame, language: str, words: GuardWords) -> PairTexts:
    """Return the pairs as guards read them: folded, and phrases of one meaning said in one way.

    Args:
        pairs: left and right, as keys.
        language: of the tags.
        words: the lists.
    """
    folded = fold_pairs(pairs, language)
    joined = join_equals(folded.texts, words.equals, spaced=language != "zh")
    return folded._replace(texts=joined.str.replace_all("_", " "))


def differ_in_numbers(pairs: PairTexts, words: GuardWords) -> pl.Series:
    """Return a reason for each pair whose numbers differ, in whatever notation; '' for the others.

    A number on one side only counts if the rest is equal (iPhone / iPhone 12, but not top 10 recipes / good recipes).
    Single letters and codes that replace each other count as numbers (vitamin C / vitamin D).
    """
    read = read_numbers(pairs.texts, pairs.language)
    left, right = read[pairs.left], read[pairs.right]
    both = pl.concat(
        [left.select(pl.all().name.prefix("l_")), right.select(pl.all().name.prefix("r_"))], how="horizontal"
    )
    units = (pl.col("l_dimensions") != pl.col("r_dimensions")) & (
        (pl.col("l_dimensions").list.len() > 0) & (pl.col("r_dimensions").list.len() > 0)
    )
    same_rest = pl.col("l_rest").str.replace_all(" ", "") == pl.col("r_rest").str.replace_all(" ", "")
    sorted_differ = pl.col("l_values").list.sort() != pl.col("r_values").list.sort()
    one_side = (pl.col("l_said").list.len() == 0) | (pl.col("r_said").list.len() == 0)
    turned = same_rest & (pl.col("l_values") != pl.col("r_values"))
    differs = ((sorted_differ | units) & (~one_side | same_rest)) | turned
    said = [
        pl.when(pl.col(c).list.len() > 0).then(pl.col(c).list.join(", ")).otherwise(pl.lit("none"))
        for c in ("l_said", "r_said")
    ]
    reason = pl.when(differs).then(pl.format("numbers differ: {} / {}", *said)).otherwise(pl.lit(""))
    return take_first(both.select(reason).to_series(), _differ_in_letters(pairs))


def _differ_in_letters(pairs: PairTexts) -> pl.Series:
    """Single letters that replace each other in spaced texts, and numerals that do in Chinese ones."""
    if pairs.language == "zh":
        middles = find_middles(pairs)
        left, right = pl.col("left"), pl.col("right")
        numerals = r"^第?(?:[一二两三四五六七八九]|[一二三四五六七八九]?十[一二三四五六七八九]?)$"
        counted = (is_numeral(left) & is_numeral(right) & ~(left.str.contains(r"\d") ^ right.str.contains(r"\d"))) | (
            (left == "") & right.str.contains(numerals)
        )
        fires = counted | ((right == "") & left.str.contains(numerals))
        return middles.select(say_when(fires, "numbers differ: {} / {}")).to_series()
    alone = list_difference(split_words(pairs.texts), pairs)
    one = (pl.col("left").list.len() == 1) & (pl.col("right").list.len() == 1)
    first = [pl.col(side).list.first().fill_null("") for side in ("left", "right")]
    letters = one & (first[0].str.contains(r"^\p{L}[+#]*$")) & (first[1].str.contains(r"^\p{L}[+#]*$"))
    reason = pl.when(letters).then(pl.format("letters differ: {} / {}", *first)).otherwise(pl.lit(""))
    return alone.select(reason).to_series()


GUARDS: dict[str, Callable[[PairTexts, GuardWords], pl.Series]] = {
    "numbers": differ_in_numbers,
    "opposites": differ_in_opposites,
    "names": differ_in_names,
    "scope": differ_in_scope,
}
"""Guards that need no contents, by the name that switches them on, in the order they are asked."""

EVIDENCE = ("contexts", "facets")
"""Guards that need contents: ``live_apart`` and ``stand_together``."""

SOFT = ("scope", *EVIDENCE)
"""Guards that two spellings of one tag would set off as well."""


def refuse_pairs(
    pairs: pl.DataFrame,
    language: str,
    switched_on: Collection[str],
    words: GuardWords | None = None,
    evidence: dict[str, pl.Series] | None = None,
) -> pl.DataFrame:
    """Return guard and reason of each pair, both '' where no guard refuses; the first reason wins.

    Guards of ``SOFT`` are not asked about pairs whose words are the same or mean the same.

    Args:
        pairs: left and right, as keys.
        language: of the tags.
        switched_on: names of the guards to ask, of ``GUARDS`` and ``EVIDENCE``.
        words: the lists; the language's own if not given.
        evidence: reasons by the contents, by name of the guard.

    Raises:
        ConfigError: there is no such guard, or the language's extra is not installed.
    """
    if unknown := sorted(set(switched_on) - {*GUARDS, *EVIDENCE}):
        raise ConfigError(f"there is no guard named {unknown[0]}: take some of {', '.join([*GUARDS, *EVIDENCE])}.")
    lists = words or load_guard_words(language)
    joined = prepare_pairs(pairs, language, lists)
    guard = np.full(len(pairs), "", dtype=object)
    reason = np.full(len(pairs), "", dtype=object)
    same = _are_same(pairs, language, lists) if set(switched_on) & set(SOFT) else None
    for name in [*GUARDS, *EVIDENCE]:
        said = None
        if name in switched_on:
            said = GUARDS[name](joined, lists) if name in GUARDS else (evidence or {}).get(name)
        if said is not None:
            _record(said.set(same, "") if same is not None and name in SOFT else said, name, guard, reason)
    return pl.DataFrame(
        {"guard": guard.tolist(), "reason": reason.tolist()}, schema={"guard": pl.String, "reason": pl.String}
    )


def _are_same(pairs: pl.DataFrame, language: str, words: GuardWords) -> pl.Series:
    folded = fold_pairs(pairs, language)
    forms = make_forms(folded.texts, language, words._replace(synonyms=words.synonyms.clear()))
    same = pl.Series([False] * len(pairs), dtype=pl.Boolean)
    for form in ("equal", "joined"):
        same |= forms[form].gather(folded.left) == forms[form].gather(folded.right)
    return same


def _record(said: pl.Series, name: str, guard: NDArray[np.object_], reason: NDArray[np.object_]) -> None:
    new = (said != "").to_numpy() & (reason == "")
    guard[new], reason[new] = name, said.to_numpy()[new]
