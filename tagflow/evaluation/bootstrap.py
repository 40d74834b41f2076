"""95 % intervals by resampling contents: of ratios, and of the differences between two methods' ratios."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

SAMPLES = 1000  # ours
AT_ONCE = 50  # samples held in memory together
SEED = 20230406  # the day TagGPT was put on arXiv
TAILS = (0.025, 0.975)

Floats = NDArray[np.float64]
Interval = tuple[float | None, float | None, float | None]
"""Value, lower and upper end; None where there is nothing to divide by."""


def bootstrap_ratio(numerator: Floats, denominator: Floats) -> Interval:
    """Return sum(numerator) / sum(denominator) and its 95 % percentile interval; None without a denominator.

    Args:
        numerator: shape (contents,).
        denominator: shape (contents,), not negative; all ones for a mean.
    """
    return bootstrap_ratios(numerator[:, None], denominator[:, None])[0]


def bootstrap_ratios(numerators: Floats, denominators: Floats) -> list[Interval]:
    """Return ``bootstrap_ratio`` of every column, all from the same draws: a draw is made once, not once a metric.

    Args:
        numerators: shape (contents, metrics).
        denominators: the same shape.
    """
    ratios = _draw_ratios(numerators, denominators)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = numerators.sum(axis=0) / denominators.sum(axis=0)
    return [_bound(float(value), drawn) for value, drawn in zip(values, ratios.T, strict=True)]


def bootstrap_differences(first: tuple[Floats, Floats], second: tuple[Floats, Floats]) -> list[Interval]:
    """Return the first method's ratio less the second's for every column, with the paired 95 % percentile interval.

    Both methods are measured on the same draws of contents, so what makes a content hard for both is no doubt about
    which is better. None where either has nothing to divide by.

    Args:
        first: numerators and denominators of shape (contents, metrics).
        second: the same of the other method, the contents in the same order.
    """
    drawn = _draw_ratios(*first) - _draw_ratios(*second)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = first[0].sum(axis=0) / first[1].sum(axis=0) - second[0].sum(axis=0) / second[1].sum(axis=0)
    return [_bound(float(value), column) for value, column in zip(values, drawn.T, strict=True)]


def _bound(value: float, drawn: Floats) -> Interval:
    if not np.isfinite(value):
        return None, None, None
    low, high = np.quantile(drawn[np.isfinite(drawn)], TAILS)
    return value, float(low), float(high)


def _draw_ratios(numerators: Floats, denominators: Floats) -> Floats:
    """Return the ratios of every draw, shape (SAMPLES, metrics); not finite where a draw has no denominator."""
    both = np.hstack([numerators, denominators])
    if not len(both):
        return np.full((SAMPLES, numerators.shape[1]), np.nan)
    sums = np.concatenate([weights @ both for weights in _draw_weights(len(both))])
    above, below = np.hsplit(sums, 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(above / below)


def _draw_weights(contents: int) -> Iterator[Floats]:
    """Yield how often each content is drawn, shape (AT_ONCE, contents); the same draws for as many contents."""
    generator, even = np.random.default_rng(SEED), np.full(contents, 1.0 / contents)
    for _ in range(SAMPLES // AT_ONCE):
        yield generator.multinomial(contents, even, size=AT_ONCE).astype(np.float64)
