"""95 % intervals by resampling contents."""

import numpy as np
from numpy.typing import NDArray

SAMPLES = 1000  # ours
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
    draws = np.random.default_rng(SEED).multinomial(n, np.full(n, 1.0 / n), size=SAMPLES).astype(np.float64)
    below = draws @ denominator
    ratios = (draws @ numerator)[below > 0] / below[below > 0]
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(numerator.sum() / total), float(low), float(high)
