"""Exact nearest neighbours by batched matrix products; the default."""

import numpy as np
from numpy.typing import NDArray

from tagflow.ports import Vectors

BATCH = 1024  # ours: queries of one product
DIGITS = 6  # equal vectors get cosines that differ in the seventh digit, by their place in the matrix


class ExactNeighbours:
    """Searches all vectors; recall is 1."""

    def __init__(self, vectors: Vectors) -> None:
        """Keep the vectors (unit rows)."""
        self._vectors = vectors

    def search(self, queries: Vectors, k: int) -> tuple[NDArray[np.int64], Vectors]:
        """Return indices and cosines of the k nearest (fewer if there are fewer), ties by lower index."""
        k = min(k, len(self._vectors))
        indices = np.zeros((len(queries), k), np.int64)
        cosines = np.zeros((len(queries), k), np.float32)
        if k == 0:
            return indices, cosines
        for start in range(0, len(queries), BATCH):
            part = slice(start, start + BATCH)
            scores = np.round(queries[part] @ self._vectors.T, DIGITS)
            edge = np.partition(scores, len(self._vectors) - k, axis=1)[:, -k][:, None]
            rank = np.where(scores > edge, 2, (scores == edge).astype(np.int8))  # above the edge, on it, below it
            chosen = np.sort(np.argsort(-rank, axis=1, kind="stable")[:, :k], axis=1)
            values = np.take_along_axis(scores, chosen, axis=1)
            order = np.argsort(-values, axis=1, kind="stable")
            indices[part] = np.take_along_axis(chosen, order, axis=1)
            cosines[part] = np.take_along_axis(values, order, axis=1)
        return indices, cosines
