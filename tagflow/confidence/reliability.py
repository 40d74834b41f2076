"""Reliability: does a confidence of 0.8 mean right in 80 of 100?"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

BINS = 15  # ours: equal mass, so that every bin says something


def bin_reliability(confidence: NDArray[np.float64], right: NDArray[np.int64], head: str) -> pl.DataFrame:
    """Return the reliability table: pairs in ``BINS`` bins of equal mass by confidence, lowest first.

    Returns:
        head, bin (from 1), confidence (mean), precision (share right), pairs; empty for no pairs.
    """
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    return pl.DataFrame(
        {
            "head": [head] * len(parts),
            "bin": list(range(1, len(parts) + 1)),
            "confidence": [float(confidence[part].mean()) for part in parts],
            "precision": [float(right[part].mean()) for part in parts],
            "pairs": [len(part) for part in parts],
        },
        schema={
            "head": pl.String,
            "bin": pl.Int64,
            "confidence": pl.Float64,
            "precision": pl.Float64,
            "pairs": pl.Int64,
        },
    )


def expected_calibration_error(table: pl.DataFrame) -> float | None:
    """Return the mean gap between confidence and precision over the bins, weighted by pairs; None for no pairs."""
    if not len(table):
        return None
    gaps = np.abs(table["confidence"].to_numpy() - table["precision"].to_numpy())
    return float(np.average(gaps, weights=table["pairs"].to_numpy()))


def brier_score(confidence: NDArray[np.float64], right: NDArray[np.int64]) -> float:
    """Return the mean squared gap between confidence and outcome, in [0, 1]."""
    return float(np.mean((confidence - right) ** 2))
