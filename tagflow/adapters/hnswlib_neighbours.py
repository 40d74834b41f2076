"""Approximate nearest neighbours by hnswlib, for sizes where exact search stops being fast."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tagflow.adapters.exact_neighbours import ExactNeighbours
from tagflow.errors import ModelError
from tagflow.ports import Vectors

LINKS = 16  # hnswlib's M: its own default
BUILD_WIDTH = 200  # hnswlib's ef_construction: its own default
SEARCH_WIDTH = 256  # ours: hnswlib's 10 finds too little
SEED = 100  # hnswlib's own default
SAMPLE = 200  # ours: queries of the first search that are also answered exactly
TIE = 1e-5  # cosines this near are one, since hnswlib adds up in another order


class HnswNeighbours:
    """Builds the graph in memory, in one thread, so that it is the same every time; nothing is loaded from disk.

    Attributes:
        recall: share of the true nearest that the first search found, on a seeded sample of its queries; None before.
    """

    def __init__(self, vectors: Vectors, say: Callable[[str], object] = lambda line: None) -> None:
        """Build the index.

        Args:
            vectors: what is searched (unit or zero rows).
            say: is told the recall in one line, once it is measured.

        Raises:
            ModelError: a vector is not finite (it would silently spoil the whole index).
        """
        import hnswlib

        if not np.isfinite(vectors).all():
            raise ModelError("An index cannot be built: a vector is not finite.")
        self._vectors, self._say = vectors, say
        self.recall: float | None = None
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
        found = self._search(queries, k)
        if self.recall is None:
            self._measure_recall(queries, k)
        return found

    def _search(self, queries: Vectors, k: int) -> tuple[NDArray[np.int64], Vectors]:
        self._index.set_ef(max(SEARCH_WIDTH, 2 * k))
        labels, distances = self._index.knn_query(queries, k=k, num_threads=1)
        indices, cosines = labels.astype(np.int64), (1.0 - distances).astype(np.float32)
        order = np.lexsort((indices, -cosines), axis=1)
        return np.take_along_axis(indices, order, axis=1), np.take_along_axis(cosines, order, axis=1)

    def _measure_recall(self, queries: Vectors, k: int) -> None:
        """Count what lies as near as the k-th true neighbour: of several equally near any will do."""
        chosen = np.random.default_rng(SEED).permutation(len(queries))[:SAMPLE]
        true = ExactNeighbours(self._vectors).search(queries[chosen], k)[1]
        found = self._search(queries[chosen], k)[1]
        self._vectors = self._vectors[:0].copy()  # needed no more
        self.recall = float((found >= true[:, -1:] - TIE).mean())
        self._say(
            f"hnswlib finds {self.recall:.1%} of the {k} nearest of {self._size:,} vectors "
            f"(compared with exact search on {len(chosen):,} queries)"
        )
