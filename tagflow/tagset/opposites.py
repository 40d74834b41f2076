"""The guard of opposites: words that turn a tag into another one where they replace each other (ours)."""

import polars as pl

from tagflow.tagset.pair_texts import PairTexts, find_middles, find_words, list_difference, split_words
from tagflow.tagset.reasons import say_when, spread, take_first
from tagflow.tagset.spellings import lemmatise
from tagflow.tagset.word_groups import GuardWords


def differ_in_opposites(pairs: PairTexts, words: GuardWords) -> pl.Series:
    """Return a reason for each pair in which words of one group replace each other, or only one side negates."""
    if pairs.language == "zh":
        return _differ_in_characters(pairs, words)
    phrases = words.opposites["word"].to_list()
    lists = split_words(pairs.texts, phrases)
    alone = list_difference(lists, pairs)
    grouped = _group_words(lists, words, pairs.language)
    swapped = _find_swaps(alone, grouped, len(pairs.left))
    return take_first(swapped, _negate_words(alone, words))


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
    return spread(reasons, pairs)


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
    reasons.append(middles.select(say_when(denied, "one negates: {} / {}")).to_series())
    return take_first(*reasons)
