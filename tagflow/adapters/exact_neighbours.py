"""Exact nearest neighbours by batched matrix products; the default.

All cosines of a block of queries are estimated, in whole numbers or half precision where that is faster. The k-th
greatest of the maxima of small groups of vectors is a lower limit of the k-th greatest estimate, and with the bound on
the estimates' error it gives a limit below which no vector can be among the k nearest. The cosines of the few pairs
above it are computed one by one in float32. So the result is exact, and a cosine is the same to the last digit
whichever way estimated, in whatever block, with whatever other vectors.
"""

import sys
from collections.abc import Iterator
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from tagflow.adapters.bfloat16 import computes_bfloat16
from tagflow.adapters.integer_product import load_product
from tagflow.adapters.score_scans import HalfScan, IntegerScan, Scan, SingleScan
from tagflow.ports import Vectors

CELLS = 2**25  # ours: estimates held in memory together, 128 MB in float32
ROWS = 192  # ours: queries of a block; more of them are no faster
GROUP = 16  # ours: vectors of a group at most
SPREAD = 16  # ours: groups for each neighbour sought at least, so that few groups hold two of them
PAIRS = 2**20  # ours: pairs looked at together
GATHERED = 2**11  # ours: pairs multiplied together; their vectors lie in the cache
DIGITS = 6  # cosines equal to so many digits are ties: copies of a text, embedded in other company
WORTH = 2**34  # ours: multiplications from which a faster way earns the conversion, 0.4 s of float32
LARGE = 2**38  # ours: multiplications from which it also earns the import of torch, 7 s of float32

R = TypeVar("R")
Way = Literal["integer", "bfloat16", "float32"]
Found = tuple[NDArray[np.int64], Vectors]


class ExactNeighbours:
    """Searches all vectors; recall is 1."""

    def __init__(self, vectors: Vectors, way: Way | None = None) -> None:
        """Keep the vectors (unit or zero rows).

        Args:
            vectors: what is searched.
            way: how cosines are estimated; None decides by the processor and the size of a search. The result is the
                same.
        """
        self._vectors = np.ascontiguousarray(vectors, np.float32)
        self._way = way
        self._scans: dict[Way, Scan[Any]] = {}

    def search(self, queries: Vectors, k: int) -> Found:
        """Return indices and cosines of the k nearest (fewer if there are fewer), ties by lower index.

        Raises:
            ModelError: a vector is not finite, so it is neither near nor far.
        """
        k = min(k, len(self._vectors))
        indices = np.zeros((len(queries), k), np.int64)
        cosines = np.zeros((len(queries), k), np.float32)
        if k == 0 or not len(queries):
            return indices, cosines
        queries = np.ascontiguousarray(queries, np.float32)
        rows = min(ROWS, max(1, CELLS // len(self._vectors)), len(queries))
        scan = self._open_scan(self._choose_way(queries.size * len(self._vectors)))
        room = scan.make_room(rows * len(self._vectors))
        for start in range(0, len(queries), rows):
            part = slice(start, start + rows)
            indices[part], cosines[part] = self._search_block(queries[part], k, scan, room)
        return indices, cosines

    def _open_scan(self, way: Way) -> Scan[Any]:
        if way not in self._scans:
            multiply = load_product() if way == "integer" else None
            half = HalfScan if way == "bfloat16" else SingleScan
            self._scans[way] = IntegerScan(self._vectors, multiply) if multiply else half(self._vectors)
        return self._scans[way]

    def _choose_way(self, multiplications: int) -> Way:
        if self._way is not None:
            return self._way
        if multiplications < (WORTH if "torch" in sys.modules else LARGE):
            return "float32"
        if load_product() is not None:
            return "integer"
        return "bfloat16" if computes_bfloat16() else "float32"

    def _search_block(self, queries: Vectors, k: int, scan: Scan[R], room: R) -> Found:
        n = len(self._vectors)
        group = min(GROUP, 1 << max(0, (n // (SPREAD * k)).bit_length() - 1))
        error = scan.bound_error(queries)
        estimates, by_group = scan.estimate(queries, group, room)
        maxima = np.ascontiguousarray(by_group.T)
        limit: Vectors = np.partition(maxima, maxima.shape[1] - k, axis=1)[:, -k]
        limit -= scan.rounding * np.abs(limit) + 2 * error
        limit -= scan.rounding * np.abs(limit)
        near = maxima >= limit[:, None]
        found = []
        for rows in _split(near.sum(axis=1) * group, PAIRS):
            row, vector = _list_members(near[rows], group, n)
            row += rows.start
            above = scan.read(estimates, vector, row) >= limit[row]
            found.append(self._rank(queries, row[above], vector[above], k))
        return np.concatenate([one for one, _ in found]), np.concatenate([one for _, one in found])

    def _rank(self, queries: Vectors, row: NDArray[np.int64], vector: NDArray[np.int64], k: int) -> Found:
        """The k nearest by the cosines of these pairs, at least k for each query; rows ascend."""
        cosine = np.round(self._multiply_pairs(queries, row, vector), DIGITS)
        order = np.lexsort((vector, -cosine, row))
        place = np.arange(len(row)) - np.searchsorted(row, row)
        kept = order[place < k]
        return vector[kept].reshape(-1, k), cosine[kept].reshape(-1, k)

    def _multiply_pairs(self, queries: Vectors, row: NDArray[np.int64], vector: NDArray[np.int64]) -> Vectors:
        """Each pair's product by itself, so that it depends on nothing else."""
        products = np.empty(len(row), np.float32)
        for start in range(0, len(row), GATHERED):
            part = slice(start, start + GATHERED)
            np.einsum("ij,ij->i", queries[row[part]], self._vectors[vector[part]], out=products[part])
        return products


def _list_members(near: NDArray[np.bool_], group: int, n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and number of each vector in the groups that are near; the last group may be short."""
    row, number = np.nonzero(near)
    vector = number[:, None] * group + np.arange(group)
    inside = vector < n
    return np.broadcast_to(row[:, None], vector.shape)[inside], vector[inside]


def _split(counts: NDArray[np.int64], most: int) -> Iterator[slice]:
    """Runs of rows whose counts add up to at most so many; a row with more is a run of its own."""
    start = 0
    total = np.cumsum(counts)
    while start < len(counts):
        before = total[start - 1] if start else 0
        end = max(start + 1, int(np.searchsorted(total, before + most, side="right")))
        yield slice(start, end)
        start = end
