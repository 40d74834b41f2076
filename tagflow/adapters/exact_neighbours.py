"""Exact nearest neighbours by batched matrix products; the default."""

import numpy as np
from numpy.typing import NDArray

from tagflow.ports import Vectors

CELLS = 2**25  # ours: cosines held in memory together, 128 MB
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
        rows = max(1, CELLS // len(self._vectors))
        for start in range(0, len(queries), rows):
            part = slice(start, start + rows)
            scores = np.round(queries[part] @ self._vectors.T, DIGITS)
            edge = np.partition(scores, len(self._vectors) - k, axis=1)[:, -k]
            row, column = np.nonzero(scores >= edge[:, None])  # k a row, and more where several lie on the edge
            value = scores[row, column]
            order = np.lexsort((column, -value, row))
            place = np.arange(len(row)) - np.searchsorted(row, row)
            kept = order[place < k]
            indices[part] = column[kept].reshape(-1, k)
            cosines[part] = value[kept].reshape(-1, k)
        return indices, cosines
