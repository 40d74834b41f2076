"""The reason of an assignment, in words."""

import polars as pl


def explain_pairs() -> pl.Expr:
    """Return the reason of a pair with recall features: where it is named, who carries it, how near it lies.

    Needs named, headlined (0 or 1), carriers, human, machine and cosine.
    """
    named = (
        pl.when(pl.col("headlined") > 0)
        .then(pl.lit("named in the first line"))
        .when(pl.col("named") > 0)
        .then(pl.lit("named in the text"))
    )
    by_people = (
        pl.when(pl.col("machine") == 0)
        .then(pl.lit("tagged so by people"))
        .when(pl.col("human") == 0)
        .then(pl.lit("naming it"))
        .otherwise(pl.lit("naming it or tagged so by people"))
    )
    contents = pl.when(pl.col("carriers") == 1).then(pl.lit("content")).otherwise(pl.lit("contents"))
    share = ((pl.col("human") + pl.col("machine")) * 100).round(0).cast(pl.Int64)
    carried = pl.when(pl.col("carriers") > 0).then(
        pl.format("{} similar {} {} ({} % of the neighbourhood)", "carriers", contents, by_people, share)
    )
    near = pl.format("cosine {} to the text", pl.col("cosine").round(2))
    return pl.concat_str([named, carried, near], separator="; ", ignore_nulls=True)
