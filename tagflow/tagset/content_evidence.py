"""What the contents say about a pair of tags: whether they live apart, or stand together as facets (ours)."""

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tagflow.ports import Vectors

APART_FLOOR = 0.2  # ours: contents no nearer than this have little in common; the least cosine of a content-tag edge
TOGETHER_SHARE = 0.3  # ours: share of the rarer tag's contents that have the other tag as well
TOGETHER_LEAST = 3  # ours: contents with both tags; fewer are chance
TOGETHER_LIFT = 2.0  # ours: times as often together as if neither tag knew of the other


def find_centroids(uses: csr_array, vectors: Vectors) -> Vectors:
    """Return the unit mean of the contents of each tag, all zero for a tag without contents.

    Args:
        uses: 1 where a tag (row) is used on a content (column), shape (tags, contents).
        vectors: unit rows of the contents, shape (contents, d).
    """
    sums = np.asarray(uses @ vectors, dtype=np.float32)
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.asarray(sums / np.where(length > 0, length, 1), dtype=np.float32)


def measure_contexts(centroids: Vectors, left: NDArray[np.int64], right: NDArray[np.int64]) -> Vectors:
    """Return the cosine of the centroids of each pair; NaN where a tag has no contents."""
    cosine = np.einsum("ij,ij->i", centroids[left], centroids[right])
    used = np.asarray(centroids.any(axis=1))
    return np.where(used[left] & used[right], cosine, np.nan).astype(np.float32)


def live_apart(contexts: Vectors, floor: float = APART_FLOOR) -> pl.Series:
    """Return a reason for each pair whose contents' centroids lie below a cosine; '' where one has no contents."""
    frame = pl.DataFrame({"cosine": contexts.astype(np.float64)})
    fires = (pl.col("cosine") < floor).fill_null(False) & pl.col("cosine").is_not_nan()
    said = pl.format("contents live apart: {} below {}", pl.col("cosine").round(3), pl.lit(str(floor)))
    return frame.select(reason=pl.when(fires).then(said).otherwise(pl.lit(""))).to_series()


def stand_together(
    uses: csr_array,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    share: float = TOGETHER_SHARE,
    least: int = TOGETHER_LEAST,
    lift: float = TOGETHER_LIFT,
) -> pl.Series:
    """Return a reason for each pair that is often used on one content: facets of it, not synonyms.

    Args:
        uses: 1 where a tag (row) is used on a content (column), shape (tags, contents).
        left: row of the one tag of each pair.
        right: row of the other.
        share: least share of the rarer tag's contents that have both.
        least: least number of contents that have both.
        lift: least ratio to what chance would give.
    """
    counts = np.asarray(uses.sum(axis=1)).ravel()
    both = np.asarray(uses[left].multiply(uses[right]).sum(axis=1)).ravel()
    rarer = np.minimum(counts[left], counts[right])
    chance = counts[left] * counts[right] / max(uses.shape[1], 1)
    fires = (both >= least) & (both >= share * rarer) & (both >= lift * chance)
    frame = pl.DataFrame({"both": both.astype(np.int64), "rarer": rarer.astype(np.int64), "fires": fires})
    said = pl.format("stand together on {} of the rarer tag's {} contents", "both", "rarer")
    return frame.select(reason=pl.when("fires").then(said).otherwise(pl.lit(""))).to_series()
