"""Approximate nearest neighbours by hnswlib, for sizes where exact search stops being fast."""

import numpy as np
from numpy.typing import NDArray

from tagflow.errors import ModelError
from tagflow.ports import Vectors

LINKS = 16  # hnswlib's M: its own default
BUILD_WIDTH = 200  # hnswlib's ef_construction: its own default
SEARCH_WIDTH = 256  # ours: hnswlib's 10 finds too little
SEED = 100  # hnswlib's own default


class HnswNeighbours:
    """Builds the graph in memory, in one thread, so that it is the same every time; nothing is loaded from disk."""

    def __init__(self, vectors: Vectors) -> None:
        """Build the index.

        Raises:
            ModelError: a vector is not finite (it would silently spoil the whole index).
        """
        import hnswlib

        if not np.isfinite(vectors).all():
            raise ModelError("An index cannot be built: a vector is not finite.")
        self._size, self._dimension = vectors.shape
        self._index = hnswlib.Index(space="ip", dim=self._dimension)
        self._index.init_index(max(self._size, 1), ef_construction=BUILD_WIDTH, M=LINKS, random_seed=SEED)
        if self._size:
            self._index.add_items(vectors, np.arange(self._size), num_threads=1)

    def search(self, queries: Vectors, k: int) -> tuple[NDArray[np.int64], Vectors]:
        """Return indices and cosines of about the k nearest (fewer if there are fewer), ties by lower index.

        Raises:
            ModelError: the queries are of another dimension (hnswlib would read beyond them).
        """
        if queries.shape[1] != self._dimension and self._size:
            raise ModelError(
                f"The index holds vectors of {self._dimension} numbers; the queries have {queries.shape[1]}."
            )
        k = min(k, self._size)
        if k == 0 or not len(queries):
            return np.zeros((len(queries), k), np.int64), np.zeros((len(queries), k), np.float32)
        self._index.set_ef(max(SEARCH_WIDTH, 2 * k))
        labels, distances = self._index.knn_query(queries, k=k, num_threads=1)
        indices, cosines = labels.astype(np.int64), (1.0 - distances).astype(np.float32)
        order = np.lexsort((indices, -cosines), axis=1)
        return np.take_along_axis(indices, order, axis=1), np.take_along_axis(cosines, order, axis=1)
