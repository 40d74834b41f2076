"""Reasons of pairs as columns: '' where there is none (ours)."""

import numpy as np
import polars as pl


def take_first(*reasons: pl.Series) -> pl.Series:
    """Return the first reason of each pair."""
    frame = pl.DataFrame([reason.alias(str(number)) for number, reason in enumerate(reasons)])
    said = [pl.when(pl.col(name) != "").then(pl.col(name)) for name in frame.columns]
    return frame.select(reason=pl.coalesce(*said, pl.lit(""))).to_series()


def say_when(fires: pl.Expr, said: str) -> pl.Expr:
    """Return what is said of the columns left and right where something fires."""
    shown = [pl.when(pl.col(side) == "").then(pl.lit("none")).otherwise(side) for side in ("left", "right")]
    return pl.when(fires).then(pl.format(said, *shown)).otherwise(pl.lit(""))


def spread(reasons: pl.DataFrame, pairs: int) -> pl.Series:
    """Return the reasons of some pairs (columns pair and reason) as a series over all."""
    every = pl.DataFrame({"pair": np.arange(pairs, dtype=np.uint32)})
    joined = every.join(reasons.select("pair", "reason"), on="pair", how="left", maintain_order="left")
    return joined["reason"].fill_null("")
