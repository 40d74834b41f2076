"""The confidence from which tags are right often enough: thresholds for a target precision (LLM4Tag §4.5, Fig. 8).

A threshold is the lowest cross-fitted confidence from which on the lower end of the 95 % Wilson interval of the share
of right pairs reaches the target. The plain share would do so too easily: the lowest of many thresholds that pass is
one on which chance was kind, and the margin pays for that. Tags of one content are right or wrong together, so that
1,000 pairs of 300 contents say less than 1,000 contents would: the interval is taken over as many pairs as would vary
as much if they were independent (Kish's design effect). Where data are few, the margin is wide and a threshold lies
higher than it must, or there is none; it is never lower because they are few. Source: ours.
"""

import math

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tagflow.schemas import CONFIDENCE_MODEL
from tagflow.settings import DatasetSettings

TARGETS = tuple(round(0.05 * step, 2) for step in range(10, 20))
"""Precisions for which a threshold is fitted whatever the dataset asks for: .50 to .95. Ours."""

Z = 1.959964  # 95 %, both sides
NEVER = math.inf
"""Where band apply starts if no threshold reaches the target."""

Numbers = NDArray[np.float64]


def measure_interval(right: float, pairs: float) -> tuple[float, float]:
    """Return both ends of the 95 % Wilson interval of a share; (0, 1) for no pairs."""
    low, high = _bound(np.array([right / max(pairs, 1e-9)]), np.array([float(pairs)]))
    return float(low[0]), float(high[0])


def fit_thresholds(
    contents: pl.Series, confidence: Numbers, right: NDArray[np.int64], shown: int, target: float | None = None
) -> pl.DataFrame:
    """Return the table ``thresholds`` of ``confidence_model``.

    Args:
        contents: content of each pair.
        confidence: of each pair, by a model that did not see its content.
        right: 0 or 1.
        shown: tags a content gets at most; only its most confident pairs count.
        target: a precision besides those of ``TARGETS``.
    """
    table = CONFIDENCE_MODEL.tables["thresholds"]
    order = pl.DataFrame({"content": contents, "confidence": confidence, "right": right})
    order = order.sort("confidence", descending=True, maintain_order=True)
    order = order.filter(pl.int_range(pl.len()).over("content") < shown)
    cuts = _measure_cuts(order)
    everything = order["content"].n_unique()
    rows = []
    for wanted in sorted({*TARGETS, *([target] if target else [])}):
        passing = cuts.filter(pl.col("low") >= wanted)
        if passing.is_empty():
            rows.append({"target": wanted, "pairs": 0})
            continue
        last = passing.row(-1, named=True)
        covered = order.filter(pl.col("confidence") >= last["confidence"])["content"].n_unique() / everything
        rows.append(
            {
                "target": wanted,
                "threshold": last["confidence"],
                "coverage": covered,
                "precision": last["precision"],
                "pairs": last["pairs"],
            }
        )
    return table.shape(pl.DataFrame(rows, schema=table.dtypes))


def find_threshold(thresholds: pl.DataFrame, target: float) -> float | None:
    """Return the threshold of the target, or of the next higher one that was fitted; None if it was not reached."""
    enough = thresholds.filter(pl.col("target") >= target - 1e-9).sort("target")["threshold"]
    return None if enough.is_empty() else enough[0]


def set_bands(settings: DatasetSettings, thresholds: pl.DataFrame) -> DatasetSettings:
    """Return the settings with ``apply_at`` where the target precision is reached; as they are without a target.

    Args:
        settings: ``target_precision``.
        thresholds: as fitted; where none reaches the target, nothing but what people decided is applied.
    """
    target = settings.tagging.target_precision
    if target is None:
        return settings
    threshold = find_threshold(thresholds, target)
    tagging = settings.tagging.model_copy(update={"apply_at": NEVER if threshold is None else threshold})
    return settings.model_copy(update={"tagging": tagging})


def find_bands(settings: DatasetSettings, thresholds: pl.DataFrame, tagged: pl.DataFrame) -> DatasetSettings:
    """Return the settings with ``apply_at`` from where the stored tags were applied (see ``set_bands``).

    Args:
        settings: ``target_precision``.
        thresholds: as fitted; none of them holds where the stored confidence is a mere score.
        tagged: ``tagged_output``.
    """
    mere = bool(tagged["model"].str.contains("uncalibrated", literal=True).any())
    return set_bands(settings, thresholds.clear() if mere else thresholds)


def _measure_cuts(order: pl.DataFrame) -> pl.DataFrame:
    """Confidence, pairs, precision and its lower bound at each confidence, the highest first.

    With n pairs at or above a cut, N of them and R right ones on a content, the share p varies by the sum over contents
    of (R - pN)² / n²; the three sums in it are kept up pair by pair.
    """
    before = pl.col("right").cum_sum().over("content") - pl.col("right")
    place = pl.int_range(pl.len()).over("content")
    sums = order.with_columns(before=before.cast(pl.Float64), place=place.cast(pl.Float64)).select(
        "confidence",
        pairs=pl.int_range(1, pl.len() + 1),
        rights=pl.col("right").cum_sum().cast(pl.Float64),
        squares=(2 * pl.col("place") + 1).cum_sum(),
        mixed=(pl.col("before") + pl.col("right") * (pl.col("place") + 1)).cum_sum(),
        right_squares=(pl.col("right") * (2 * pl.col("before") + 1)).cum_sum(),
    )
    n, rights = sums["pairs"].to_numpy().astype(np.float64), sums["rights"].to_numpy()
    share = rights / n
    spread = sums["right_squares"].to_numpy() - 2 * share * sums["mixed"].to_numpy()
    spread += share**2 * sums["squares"].to_numpy()
    plain = n * share * (1 - share)
    effect = np.maximum(np.divide(spread, plain, out=np.ones_like(plain), where=plain > 0), 1.0)
    low, _ = _bound(share, n / effect)
    table = sums.select("confidence", "pairs").with_columns(precision=pl.Series(share), low=pl.Series(low))
    return table.unique("confidence", keep="last", maintain_order=True)


def _bound(share: Numbers, n: Numbers) -> tuple[Numbers, Numbers]:
    n = np.maximum(n, 1e-9)
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)
