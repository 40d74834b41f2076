"""Calibration: from the judge's sum to a probability that holds, by a rising curve fitted on unseen contents. Ours.

Three curves stand for choice: none, one straight line in log-odds (Platt's scaling), and isotonic regression of bins
put through its levels by straight lines. The last differs from plain isotonic regression in that it rises everywhere,
so it never ties two candidates. Which one holds best is decided on contents that none of them was fitted on.
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

Values = NDArray[np.float64]

FEWEST_RIGHT = 30  # ours: right or wrong pairs of a bin of the curve, roughly
MOST_BINS = 20  # ours
FAR = 50.0  # a sum that no pair reaches: between its two signs Platt's line goes straight
SLOPE = 0.05  # ours: least rise of the curve, so that the order of candidates stays


class Curve(NamedTuple):
    """Straight lines between knots; none: the sum itself is the log-odds."""

    knots: Values
    """Sums, ascending."""
    levels: Values
    """Log-odds at the knots, ascending."""


WAYS = ("none", "line", "curve")

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


def choose_way(logit: Values, right: NDArray[np.int64], fold: NDArray[np.int64]) -> str:
    """Return the way of ``WAYS`` with the least log loss on folds it was not fitted on, the plainest of equals."""
    losses = {way: _measure_loss(cross_calibrate(logit, right, fold, way), right) for way in WAYS}
    return min(losses, key=lambda way: losses[way])


def fit_way(logit: Values, right: NDArray[np.int64], way: str) -> Curve:
    """Return the curve of one of ``WAYS``; none where there are too few right or wrong pairs."""
    if min(right.sum(), len(right) - right.sum()) < FEWEST_RIGHT:
        return NO_CURVE
    return {"none": lambda *_: NO_CURVE, "line": fit_line, "curve": fit_curve}[way](logit, right)


def fit_line(logit: Values, right: NDArray[np.int64]) -> Curve:
    """Return Platt's line: log-odds a * sum + b by logistic regression, with a at least ``SLOPE``."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=np.inf).fit(logit[:, None], right)
    slope, rest = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    if slope < SLOPE:
        slope, rest = SLOPE, _meet_share(SLOPE * logit, float(right.mean()))
    return Curve(np.array([-FAR, FAR]), np.array([-FAR, FAR]) * slope + rest)


def _meet_share(logit: Values, share: float) -> float:
    """What is added to the log-odds for their mean probability to be the share of right pairs."""
    from scipy.optimize import brentq

    return float(brentq(lambda rest: squash(logit + rest).mean() - share, -FAR, FAR))


def fit_curve(logit: Values, right: NDArray[np.int64]) -> Curve:
    """Return the isotonic curve that makes the sums of unseen pairs hold; ``NO_CURVE`` where there are too few.

    Bins are cut so that each has an equal share of the variance p(1-p) of the answers, which gives the uncertain and
    the confident pairs, few among the many hopeless ones, bins of their own; equal sums are never parted.
    """
    order = np.argsort(logit, kind="stable")
    logit, right = logit[order], right[order]
    chance = squash(logit)
    mass = np.cumsum(chance * (1 - chance) + chance / 10)
    bins = int(min(MOST_BINS, right.sum() // FEWEST_RIGHT, (len(right) - right.sum()) // FEWEST_RIGHT))
    if bins < 2:
        return NO_CURVE
    cuts = np.searchsorted(mass, np.linspace(0, mass[-1], bins + 1)[1:-1])
    starts, ends = (np.searchsorted(logit, logit[cuts], side) for side in ("left", "right"))
    cuts = np.unique(np.concatenate([starts, ends[ends - starts > 1]]))  # equal sums are a bin of their own
    parts = [part for part in np.split(np.arange(len(logit)), cuts) if len(part)]
    sizes = np.array([len(part) for part in parts], np.float64)
    knots = np.array([logit[part].mean() for part in parts])
    expected = np.array([chance[part].mean() for part in parts])  # one pair more of each bin is as the sum foretells
    share = (np.array([right[part].sum() for part in parts]) + expected) / (sizes + 1)
    return _rise(knots, _pool(share, sizes))


def cross_calibrate(logit: Values, right: NDArray[np.int64], fold: NDArray[np.int64], way: str) -> Values:
    """Return the confidence of each pair, calibrated by the pairs of the other folds."""
    out = np.zeros(len(logit))
    for number in np.unique(fold):
        rest = fold == number
        out[rest] = squash(calibrate(logit[rest], fit_way(logit[~rest], right[~rest], way)))
    return out


def _measure_loss(confidence: Values, right: NDArray[np.int64]) -> float:
    sure = np.clip(np.where(right == 1, confidence, 1 - confidence), 1e-12, None)
    return float(-np.log(sure).mean()) if len(sure) else 0.0


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
