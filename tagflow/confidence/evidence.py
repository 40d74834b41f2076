"""The reason of an assignment, in words."""

from collections.abc import Collection

import polars as pl


def explain_pairs() -> pl.Expr:
    """Return the reason of a pair with recall features: where it is named, who carries it, how near it lies.

    Needs headlined (0 or 1), found (the name or alias that stands in the text, or null), carriers, word_carriers,
    grown_carriers, human, machine (shares of the neighbourhood) and cosine.
    """
    place = pl.when(pl.col("headlined") > 0).then(pl.lit("its first line says")).otherwise(pl.lit("its text says"))
    named = pl.when(pl.col("found").is_not_null()).then(pl.format('{} "{}"', place, pl.col("found").fill_null("")))
    have = pl.when(pl.col("carriers") == 1).then(pl.lit("has")).otherwise(pl.lit("have"))
    by_whom = (
        pl.when(pl.col("machine") == 0)
        .then(pl.lit("from people"))
        .when(pl.col("human") == 0)
        .then(pl.lit("as a proposal"))
        .otherwise(pl.lit("from people or as a proposal"))
    )
    carried = pl.when(pl.col("carriers") > 0).then(
        pl.format("{} of the most similar contents {} this tag {}", "carriers", have, by_whom)
    )
    sharing = pl.when((pl.col("carriers") == 0) & (pl.col("word_carriers") > 0)).then(
        pl.format(
            "{} of the contents that share its words {} this tag",
            "word_carriers",
            pl.when(pl.col("word_carriers") == 1).then(pl.lit("has")).otherwise(pl.lit("have")),
        )
    )
    grown = pl.when(pl.col("grown_carriers") > 0).then(
        pl.format("tagflow itself gave it to {} of the most similar contents", "grown_carriers")
    )
    return pl.concat_str(
        [named, carried, sharing, grown, explain_cosine(pl.col("cosine"))], separator="; ", ignore_nulls=True
    )


def explain_cosine(cosine: pl.Expr) -> pl.Expr:
    """Return how near the tag's meaning lies to the text, in words."""
    return pl.format("closeness of meaning {} of 1", cosine.round(2))


def explain_rung(rung: pl.Expr, score: pl.Expr, calibrated: Collection[str] = ()) -> pl.Expr:
    """Return how a language model told its confidence, in words; null where none was asked.

    Args:
        rung: what gave the number.
        score: the number.
        calibrated: rungs whose numbers were compared with labels.
    """
    words = {
        "logprobs": "confidence by the probability of Yes against No",
        "agreement": "confidence by the agreement of several answers",
        "verbal": "confidence as the language model says it",
    }
    told = rung.replace_strict(words, default=None, return_dtype=pl.String)
    compared = pl.when(rung.is_in([*calibrated])).then(pl.lit("calibrated")).otherwise(pl.lit("uncalibrated"))
    return pl.format("{}: it says {} of 1, {}", told, score.round(2), compared)
