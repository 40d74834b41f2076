"""95 % intervals by resampling contents."""

import numpy as np
from numpy.typing import NDArray

SAMPLES = 1000  # ours
AT_ONCE = 50  # samples held in memory together
SEED = 20230406  # the day TagGPT was put on arXiv


def bootstrap_ratio(
    numerator: NDArray[np.float64], denominator: NDArray[np.float64]
) -> tuple[float | None, float | None, float | None]:
    """Return sum(numerator) / sum(denominator) and its 95 % percentile interval; None without a denominator.

    Args:
        numerator: shape (contents,).
        denominator: shape (contents,), not negative; all ones for a mean.
    """
    total = denominator.sum()
    if total == 0:
        return None, None, None
    n = len(numerator)
    generator, even = np.random.default_rng(SEED), np.full(n, 1.0 / n)
    both = np.stack([numerator, denominator], axis=1)
    parts = [generator.multinomial(n, even, size=AT_ONCE) @ both for _ in range(SAMPLES // AT_ONCE)]
    above, below = np.concatenate(parts).T
    ratios = above[below > 0] / below[below > 0]
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(numerator.sum() / total), float(low), float(high)
