"""Guards of the tag fusion: reasons to keep two tags apart although their vectors are near (ours)."""

from collections.abc import Callable, Collection

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import JaroWinkler

from tagflow.errors import ConfigError
from tagflow.tagset.numbers import is_numeral, read_numbers
from tagflow.tagset.pair_texts import PairTexts, find_middles, find_words, fold_pairs, list_difference, split_words
from tagflow.tagset.spellings import is_known, join_equals, lemmatise, make_forms
from tagflow.tagset.word_groups import GuardWords, load_guard_words

ALIKE = 0.9  # ours: likeness (Jaro-Winkler) from which two unknown words may be one name in two spellings


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
    return _first(both.select(reason).to_series(), _differ_in_letters(pairs))


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
        return middles.select(_when(fires, "numbers differ: {} / {}")).to_series()
    alone = list_difference(split_words(pairs.texts), pairs)
    one = (pl.col("left").list.len() == 1) & (pl.col("right").list.len() == 1)
    first = [pl.col(side).list.first().fill_null("") for side in ("left", "right")]
    letters = one & (first[0].str.contains(r"^\p{L}[+#]*$")) & (first[1].str.contains(r"^\p{L}[+#]*$"))
    reason = pl.when(letters).then(pl.format("letters differ: {} / {}", *first)).otherwise(pl.lit(""))
    return alone.select(reason).to_series()


def differ_in_opposites(pairs: PairTexts, words: GuardWords) -> pl.Series:
    """Return a reason for each pair in which words of one group replace each other, or only one side negates."""
    if pairs.language == "zh":
        return _differ_in_characters(pairs, words)
    phrases = words.opposites["word"].to_list()
    lists = split_words(pairs.texts, phrases)
    alone = list_difference(lists, pairs)
    grouped = _group_words(lists, words, pairs.language)
    swapped = _find_swaps(alone, grouped, len(pairs.left))
    return _first(swapped, _negate_words(alone, words))


def _group_words(lists: pl.Series, words: GuardWords, language: str) -> pl.DataFrame:
    """Each word that stands in a group or begins or ends like one: word, group, side (what tells members apart)."""
    distinct = lists.explode().drop_nulls().unique().alias("word").to_frame()
    known = words.opposites.with_columns(pl.col("word").str.replace_all(" ", "_"), side=pl.col("word"))
    direct = distinct.join(known, on="word")
    other = distinct.join(known, on="word", how="anti")
    by_lemma = other.with_columns(lemma=lemmatise(other["word"], language)).join(
        known.rename({"word": "lemma"}), on="lemma"
    )
    parts = [frame.select("word", pl.col("group").cast(pl.String), "side") for frame in (direct, by_lemma)]
    for number, group in enumerate(words.beginnings):
        parts.append(_find_affix(distinct, rf"^({'|'.join(group)})(.{{3,}})$", 1, f"b{number}"))
    for number, group in enumerate(words.endings):
        parts.append(_find_affix(distinct, rf"^(.{{4,}}?)({'|'.join(group)})$", 2, f"e{number}"))
    return pl.concat(parts)


def _find_affix(distinct: pl.DataFrame, pattern: str, affix: int, name: str) -> pl.DataFrame:
    stem = pl.col("word").str.extract(pattern, 3 - affix)
    found = distinct.with_columns(stem=stem, side=pl.col("word").str.extract(pattern, affix)).drop_nulls("stem")
    return found.select("word", group=pl.format("{}:{}", pl.lit(name), "stem"), side="side")


def _find_swaps(alone: pl.DataFrame, grouped: pl.DataFrame, pairs: int) -> pl.Series:
    """Reasons of pairs that hold, on each side only, words of one group that are not the same."""
    numbered = alone.with_row_index("pair")
    sides = [
        numbered.select("pair", word=side).explode("word").drop_nulls().join(grouped, on="word", maintain_order="left")
        for side in ("left", "right")
    ]
    met = sides[0].join(sides[1], on=["pair", "group"], suffix="_right").filter(pl.col("side") != pl.col("side_right"))
    shown = [pl.col(word).str.replace_all("_", " ") for word in ("word", "word_right")]
    reasons = (
        met.with_columns(reason=pl.format("opposites: {} / {}", *shown))
        .sort("pair", "reason")
        .unique("pair", keep="first", maintain_order=True)
    )
    return _spread(reasons, pairs)


def _negate_words(alone: pl.DataFrame, words: GuardWords) -> pl.Series:
    denying, beginnings, endings = words.negations
    longer = pl.when(pl.col("left").list.len() == 0).then("right").otherwise("left")
    shorter = pl.when(pl.col("left").list.len() == 0).then("left").otherwise("right")
    ours, theirs = pl.col("longer"), pl.col("shorter")
    first, second = ours.list.first().fill_null(""), theirs.list.first().fill_null("")
    denied = (
        (theirs.list.len() == 0)
        & (ours.list.len() > 0)
        & (ours.list.set_difference(pl.lit(denying, dtype=pl.List(pl.String))).list.len() == 0)
    )
    one = (ours.list.len() == 1) & (theirs.list.len() == 1)
    made = pl.lit(False)
    for long, short in ((first, second), (second, first)):
        for beginning in beginnings:
            made |= (long == beginning + short) & (short.str.len_chars() > 3)
        for ending in endings:
            made |= (long == short + ending) & (short.str.len_chars() > 2)
    shown = [
        pl.when(pl.col(side).list.len() > 0).then(pl.col(side).list.join(" ")).otherwise(pl.lit("none"))
        for side in ("left", "right")
    ]
    said = pl.format("one negates: {} / {}", *shown)
    frame = alone.with_columns(longer=longer, shorter=shorter)
    return frame.select(pl.when(denied | (one & made)).then(said).otherwise(pl.lit(""))).to_series()


def _differ_in_characters(pairs: PairTexts, words: GuardWords) -> pl.Series:
    single = words.opposites.filter(pl.col("word").str.len_chars() == 1)
    long = words.opposites.filter(pl.col("word").str.len_chars() > 1)
    shape = {"group": pl.col("group").cast(pl.String), "side": pl.col("word")}
    middles = find_middles(pairs)
    characters = list_difference(pairs.texts.str.split(""), pairs)
    sizes = pairs.texts.str.len_chars()
    swap = (characters["left"].list.len() == 1) & (characters["right"].list.len() == 1)
    swap &= sizes.gather(pairs.left) == sizes.gather(pairs.right)
    swapped = characters.with_columns(pl.when(swap).then(pl.col(side)) for side in ("left", "right"))
    aligned = middles.select(pl.concat_list(side) for side in ("left", "right"))
    found = list_difference(find_words(pairs.texts, long["word"].to_list(), spaced=False), pairs)
    reasons = [
        _find_swaps(lists, listed.with_columns(**shape), len(pairs.left))
        for lists, listed in ((aligned, single), (swapped, single), (found, long))
    ]
    left, right, no = pl.col("left"), pl.col("right"), words.negations[0]
    denied = ((left == "") & right.is_in(no)) | ((right == "") & left.is_in(no))
    reasons.append(middles.select(_when(denied, "one negates: {} / {}")).to_series())
    return _first(*reasons)


def differ_in_names(pairs: PairTexts, words: GuardWords) -> pl.Series:
    """Return a reason for each pair of which both sides name a thing that the other does not.

    Names are those of the lists; beyond them two words that no dictionary has and that replace each other beside a
    word that both share, unless they are spelled much alike.
    """
    spaced = pairs.language != "zh"
    found = find_words(pairs.texts, words.names["name"].to_list(), spaced=spaced)
    things = words.names.group_by("name", maintain_order=True).agg(pl.col("thing"))
    numbered = found.alias("name").to_frame().with_row_index("text").explode("name").drop_nulls()
    named = numbered.join(things, on="name", maintain_order="left")
    held = named.group_by("text").agg(pl.col("thing").explode(), pl.col("name"))
    per_text = (
        pl.DataFrame({"text": np.arange(len(found), dtype=np.uint32)})
        .join(held, on="text", how="left", maintain_order="left")
        .with_columns(pl.col("thing").fill_null([]), pl.col("name").fill_null([]))
    )
    alone = list_difference(per_text["thing"], pairs)
    shown = list_difference(per_text["name"], pairs)
    fires = (alone["left"].list.len() > 0) & (alone["right"].list.len() > 0)
    said = shown.select(
        pl.format("names differ: {} / {}", pl.col("left").list.join(", "), pl.col("right").list.join(", "))
    )
    listed = pl.DataFrame({"fires": fires, "said": said.to_series()})
    reasons = listed.select(pl.when("fires").then("said").otherwise(pl.lit(""))).to_series()
    return _first(reasons, _differ_in_unknown(pairs)) if spaced else reasons


def _differ_in_unknown(pairs: PairTexts) -> pl.Series:
    lists = split_words(pairs.texts)
    alone = list_difference(lists, pairs)
    shared = lists.list.len().gather(pairs.left) > 1
    one = (alone["left"].list.len() == 1) & (alone["right"].list.len() == 1) & shared
    words = alone.select(pl.col(side).list.first().fill_null("") for side in ("left", "right")).with_row_index("pair")
    words = words.filter(one & words["left"].str.contains(r"^\p{L}{3,}$") & words["right"].str.contains(r"^\p{L}{3,}$"))
    strange = ~is_known(words["left"], pairs.language) & ~is_known(words["right"], pairs.language)
    words = words.filter(strange)
    alike = process.cpdist(words["left"].to_list(), words["right"].to_list(), scorer=JaroWinkler.similarity)
    kept = words.filter(pl.Series(alike < ALIKE, dtype=pl.Boolean))
    return _spread(kept.with_columns(reason=pl.format("names differ: {} / {}", "left", "right")), len(pairs.left))


GUARDS: dict[str, Callable[[PairTexts, GuardWords], pl.Series]] = {
    "numbers": differ_in_numbers,
    "opposites": differ_in_opposites,
    "names": differ_in_names,
}
"""Guards that need no contents, by the name that switches them on, in the order they are asked."""

EVIDENCE = ("contexts", "facets")
"""Guards that need contents: ``live_apart`` and ``stand_together``."""


def refuse_pairs(
    pairs: pl.DataFrame,
    language: str,
    switched_on: Collection[str],
    words: GuardWords | None = None,
    evidence: dict[str, pl.Series] | None = None,
) -> pl.DataFrame:
    """Return guard and reason of each pair, both '' where no guard refuses; the first reason wins.

    Args:
        pairs: left and right, as keys.
        language: of the tags.
        switched_on: names of the guards to ask, of ``GUARDS`` and ``EVIDENCE``.
        words: the lists; the language's own if not given.
        evidence: reasons by the contents, by name of the guard; not asked about pairs of the same words.

    Raises:
        ConfigError: there is no such guard, or the language's extra is not installed.
    """
    if unknown := sorted(set(switched_on) - {*GUARDS, *EVIDENCE}):
        raise ConfigError(f"there is no guard named {unknown[0]}: take some of {', '.join([*GUARDS, *EVIDENCE])}.")
    lists = words or load_guard_words(language)
    joined = prepare_pairs(pairs, language, lists)
    guard = np.full(len(pairs), "", dtype=object)
    reason = np.full(len(pairs), "", dtype=object)
    for name, ask in GUARDS.items():
        if name in switched_on:
            _record(ask(joined, lists), name, guard, reason)
    if evidence and set(evidence) & set(switched_on):
        folded = fold_pairs(pairs, language)
        forms = make_forms(folded.texts, language, lists)
        same = (forms["equal"].gather(folded.left) == forms["equal"].gather(folded.right)) | (
            forms["joined"].gather(folded.left) == forms["joined"].gather(folded.right)
        )
        for name in EVIDENCE:
            if name in switched_on and name in evidence:
                _record(evidence[name].set(same, ""), name, guard, reason)
    return pl.DataFrame(
        {"guard": guard.tolist(), "reason": reason.tolist()}, schema={"guard": pl.String, "reason": pl.String}
    )


def _record(said: pl.Series, name: str, guard: NDArray[np.object_], reason: NDArray[np.object_]) -> None:
    new = (said != "").to_numpy() & (reason == "")
    guard[new], reason[new] = name, said.to_numpy()[new]


def _first(*reasons: pl.Series) -> pl.Series:
    frame = pl.DataFrame([reason.alias(str(number)) for number, reason in enumerate(reasons)])
    said = [pl.when(pl.col(name) != "").then(pl.col(name)) for name in frame.columns]
    return frame.select(reason=pl.coalesce(*said, pl.lit(""))).to_series()


def _when(fires: pl.Expr, said: str) -> pl.Expr:
    shown = [pl.when(pl.col(side) == "").then(pl.lit("none")).otherwise(side) for side in ("left", "right")]
    return pl.when(fires).then(pl.format(said, *shown)).otherwise(pl.lit(""))


def _spread(reasons: pl.DataFrame, pairs: int) -> pl.Series:
    """The reasons of some pairs as a series over all."""
    every = pl.DataFrame({"pair": np.arange(pairs, dtype=np.uint32)})
    joined = every.join(reasons.select("pair", "reason"), on="pair", how="left", maintain_order="left")
    return joined["reason"].fill_null("")
