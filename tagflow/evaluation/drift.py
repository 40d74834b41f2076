"""Whether the tags given drift from what earlier runs gave: one tag swallows the contents, or fewer are left."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

LEAST_RUNS = 5  # ours: of fewer earlier runs no deviation is told
LIMIT = 3.0  # ours: deviations from the mean of the earlier runs; chance passes it in one run of 370


class Spread(NamedTuple):
    """How the tags given are spread.

    Attributes:
        contents: contents with a tag.
        largest_share: share of them that has the commonest tag; 0 without contents.
        entropy: of the tags over all assignments, in bits; 0 if there is one tag only, or none.
        entropy_deviation: what chance alone moves the entropy by, in bits, at so many assignments.
    """

    contents: int
    largest_share: float
    entropy: float
    entropy_deviation: float

    @property
    def share_deviation(self) -> float:
        """What chance alone moves the largest share by, at so many contents (binomial)."""
        return float(np.sqrt(self.largest_share * (1 - self.largest_share) / max(self.contents, 1)))


def measure_spread(tagged: pl.DataFrame) -> Spread:
    """Return the spread of ``tagged_output`` (content_id and tag_id, each pair once)."""
    counts = tagged["tag_id"].value_counts()["count"].to_numpy().astype(np.float64)
    contents = tagged["content_id"].n_unique()
    if not contents:
        return Spread(0, 0.0, 0.0, 0.0)
    shares = counts / counts.sum()
    surprise = -np.log2(shares)
    entropy = float(shares @ surprise)
    variance = max(0.0, float(shares @ surprise**2) - entropy**2)
    return Spread(contents, float(counts.max() / contents), entropy, float(np.sqrt(variance / counts.sum())))


def find_drift(now: Spread, shares: Sequence[float], entropies: Sequence[float]) -> dict[str, float]:
    """Return by how many deviations each figure lies off the mean of the earlier runs; nothing if they are too few.

    A deviation is that of the earlier runs or, where they differ less than chance would let them, that of chance; with
    k earlier runs it is wider by the root of 1 + 1/k, since their mean is uncertain too. Source: ours.

    Args:
        now: the spread of this run.
        shares: largest shares of earlier runs.
        entropies: their entropies, as many.
    """
    if len(shares) < LEAST_RUNS:
        return {}
    return {
        "largest share": _deviate(now.largest_share, np.array(shares), now.share_deviation),
        "entropy": _deviate(now.entropy, np.array(entropies), now.entropy_deviation),
    }


def _deviate(value: float, earlier: np.ndarray, chance: float) -> float:
    deviation = max(float(earlier.std(ddof=1)), chance) * np.sqrt(1 + 1 / len(earlier))
    off = value - float(earlier.mean())
    return 0.0 if abs(off) < 1e-9 else float(off / deviation) if deviation else float(np.copysign(np.inf, off))
