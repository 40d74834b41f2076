"""The guards of names and of scope: two tags that name different things, or of which one is narrower (ours)."""

import numpy as np
import polars as pl
from rapidfuzz import process
from rapidfuzz.distance import OSA

from tagflow.tagset.pair_texts import PairTexts, find_words, list_difference, split_words
from tagflow.tagset.reasons import spread, take_first
from tagflow.tagset.spellings import FUNCTION_WORDS, is_known, join_equals, lemmatise
from tagflow.tagset.word_groups import GuardWords

ALIKE = 0.8  # ours: likeness (1 - edits / letters) from which two unknown words may be one name in two spellings
VAGUE = frozenset("general misc sector industry music genre language field stuff related".split())
"""Words that make a tag longer but not narrower (ours)."""


def differ_in_names(pairs: PairTexts, words: GuardWords) -> pl.Series:
    """Return a reason for each pair of which both sides name a thing that the other does not.

    Names are those of the lists; beyond them two words that no dictionary has and that replace each other, unless they
    are spelled much alike.
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
    return take_first(reasons, _differ_in_unknown(pairs)) if spaced else reasons


def _differ_in_unknown(pairs: PairTexts) -> pl.Series:
    alone = list_difference(split_words(pairs.texts), pairs)
    one = (alone["left"].list.len() == 1) & (alone["right"].list.len() == 1)
    words = alone.select(pl.col(side).list.first().fill_null("") for side in ("left", "right")).with_row_index("pair")
    words = words.filter(one & words["left"].str.contains(r"^\p{L}{3,}$") & words["right"].str.contains(r"^\p{L}{3,}$"))
    strange = ~is_known(words["left"], pairs.language) & ~is_known(words["right"], pairs.language)
    words = words.filter(strange)
    alike = process.cpdist(words["left"].to_list(), words["right"].to_list(), scorer=OSA.normalized_similarity)
    kept = words.filter(pl.Series(alike < ALIKE, dtype=pl.Boolean))
    return spread(kept.with_columns(reason=pl.format("names differ: {} / {}", "left", "right")), len(pairs.left))


def differ_in_scope(pairs: PairTexts, words: GuardWords) -> pl.Series:
    """Return a reason for each pair of which one side has every word of the other and more: it is narrower.

    Asked where words are spaced. Articles, function words and ``VAGUE`` words narrow nothing.
    """
    if pairs.language == "zh":
        return pl.Series([""] * len(pairs.left), dtype=pl.String)
    forms = words.names.group_by("thing", maintain_order=True).agg("name").sort("thing")["name"].to_list()
    texts = join_equals(lemmatise(pairs.texts, pairs.language), forms, spaced=True)
    empty = list(VAGUE | FUNCTION_WORDS.get(pairs.language, frozenset()))
    lists = split_words(texts).list.eval(pl.element().filter(~pl.element().is_in(empty)))
    alone = list_difference(lists, pairs).with_columns(
        whole=(lists.list.len().gather(pairs.left) > 0) & (lists.list.len().gather(pairs.right) > 0),
        joined=pairs.texts.gather(pairs.left).str.replace_all(" ", "")
        != pairs.texts.gather(pairs.right).str.replace_all(" ", ""),
    )
    left, right = pl.col("left"), pl.col("right")
    fires = pl.col("whole") & pl.col("joined") & ((left.list.len() == 0) ^ (right.list.len() == 0))
    said = pl.format("one is narrower: {}", pl.concat_list(left, right).list.join(" ").str.replace_all("_", " "))
    return alone.select(reason=pl.when(fires).then(said).otherwise(pl.lit(""))).to_series()
