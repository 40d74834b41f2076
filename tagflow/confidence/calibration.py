"""Calibration: from the judge's sum to a probability that holds, by a rising curve fitted on unseen contents. Ours.

Isotonic regression of bins of equal mass, finer where the confidence is high, put through its levels by straight lines
in log-odds. Unlike plain isotonic regression it rises everywhere, so it never ties two candidates. Platt's scaling is
the case of one straight line; which of the two holds better is decided on contents that neither was fitted on.
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

Values = NDArray[np.float64]

FEWEST_RIGHT = 30  # ours: right or wrong pairs of a bin of the curve, roughly
MOST_BINS = 30  # ours
SLOPE = 0.05  # ours: least rise of the curve, so that the order of candidates stays


class Curve(NamedTuple):
    """Straight lines between knots; none: the sum itself is the log-odds."""

    knots: Values
    """Sums, ascending."""
    levels: Values
    """Log-odds at the knots, ascending."""


NO_CURVE = Curve(np.zeros(0), np.zeros(0))


def squash(logit: Values) -> Values:
    """Return the logistic function."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logit, -500, 500))))


def calibrate(logit: Values, curve: Curve) -> Values:
    """Return the calibrated log-odds; beyond the outermost knots the curve rises like the sum itself."""
    if not len(curve.knots):
        return logit
    inside = np.interp(logit, curve.knots, curve.levels)
    below, above = np.minimum(logit - curve.knots[0], 0.0), np.maximum(logit - curve.knots[-1], 0.0)
    return np.asarray(inside + below + above)


def fit_curve(logit: Values, right: NDArray[np.int64]) -> Curve:
    """Return the curve that makes the sums of unseen pairs hold; ``NO_CURVE`` where there are too few.

    Bins are cut so that each has an equal share of the variance p(1-p) of the answers, which gives the uncertain and
    the confident pairs, few among the many hopeless ones, bins of their own.
    """
    order = np.argsort(logit, kind="stable")
    logit, right = logit[order], right[order]
    chance = squash(logit)
    mass = np.cumsum(chance * (1 - chance) + chance / 10)
    bins = int(min(MOST_BINS, right.sum() // FEWEST_RIGHT, (len(right) - right.sum()) // FEWEST_RIGHT))
    if bins < 2:
        return NO_CURVE
    cuts = np.unique(np.searchsorted(mass, np.linspace(0, mass[-1], bins + 1)[1:-1]))
    parts = [part for part in np.split(np.arange(len(logit)), cuts) if len(part)]
    sizes = np.array([len(part) for part in parts], np.float64)
    knots = np.array([logit[part].mean() for part in parts])
    expected = np.array([chance[part].mean() for part in parts])  # one pair more of each bin is as the sum foretells
    share = (np.array([right[part].sum() for part in parts]) + expected) / (sizes + 1)
    return _rise(knots, _pool(share, sizes))


def cross_calibrate(logit: Values, right: NDArray[np.int64], fold: NDArray[np.int64]) -> Values:
    """Return the confidence of each pair, calibrated by the pairs of the other folds."""
    out = np.zeros(len(logit))
    for number in np.unique(fold):
        rest = fold == number
        out[rest] = squash(calibrate(logit[rest], fit_curve(logit[~rest], right[~rest])))
    return out


def assign_folds(contents: pl.Series, folds: int, seed: int) -> NDArray[np.int64]:
    """Return a fold from 0 for each pair, drawn so that a content's pairs stay together."""
    groups = contents.rank("dense").cast(pl.Int64).to_numpy() - 1
    size = int(groups.max()) + 1 if len(groups) else 0
    order = np.random.default_rng(seed).permutation(size)
    return np.asarray(order[groups] % folds, dtype=np.int64)


def _pool(share: Values, sizes: Values) -> Values:
    """Isotonic regression by pooling adjacent violators."""
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=1e-6, y_max=1 - 1e-6).fit(np.arange(len(share)), share, sizes)
    return np.asarray(fitted.predict(np.arange(len(share))), dtype=np.float64)


def _rise(knots: Values, share: Values) -> Curve:
    """The curve through the middle of each level, rising at least by ``SLOPE``."""
    level = np.log(share / (1 - share))
    ends = np.flatnonzero(np.append(np.diff(level) > 0, True))
    starts = np.append(0, ends[:-1] + 1)
    middle = (knots[starts] + knots[ends]) / 2
    floor = level[ends] - SLOPE * middle
    return Curve(middle, np.maximum.accumulate(floor) + SLOPE * middle)
