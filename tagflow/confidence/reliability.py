"""Reliability: does a confidence of 0.8 mean right in 80 of 100?"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tagflow.schemas import CONFIDENCE_MODEL

BINS = 15  # ours: equal mass, so that every bin says something

BORDERS = (0.0, 0.01, 0.02, 0.05, *(round(0.05 * step, 2) for step in range(2, 20)), 0.97, 0.99, 1.0)
"""Confidences between which a person's cases are counted: ours, finer at both ends."""
FEWEST = 50  # ours: pairs of a bin; fewer give a share that is off by more than a seventh


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


def bin_record(confidence: NDArray[np.float64], right: NDArray[np.int64], head: str) -> pl.DataFrame:
    """Return the ``reliability`` of a head: pairs in bins between ``BORDERS``, lowest first.

    From the top down, a bin with fewer than ``FEWEST`` pairs is joined to the next lower one, and what is left at the
    bottom to the bin above it. Empty for no pairs.
    """
    table = CONFIDENCE_MODEL.tables["reliability"]
    if not len(confidence):
        return table.empty()
    edges = np.array(BORDERS)
    place = np.clip(np.searchsorted(edges, confidence, side="right") - 1, 0, len(edges) - 2)
    sizes = np.bincount(place, minlength=len(edges) - 1)
    lows, kept = [], 0
    for low in range(len(sizes) - 1, -1, -1):
        kept += int(sizes[low])
        if kept >= FEWEST:
            lows.append(low)
            kept = 0
    borders = edges[[0, *sorted(lows)[1:], len(edges) - 1]]
    bins = np.clip(np.searchsorted(borders, confidence, side="right") - 1, 0, len(borders) - 2)
    pairs = np.bincount(bins)
    return table.shape(
        pl.DataFrame(
            {
                "head": [head] * len(pairs),
                "bin": np.arange(1, len(pairs) + 1),
                "low": borders[:-1],
                "high": borders[1:],
                "confidence": np.bincount(bins, weights=confidence) / pairs,
                "precision": np.bincount(bins, weights=right) / pairs,
                "pairs": pairs,
            }
        )
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
