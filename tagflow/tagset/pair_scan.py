"""Every pair of vectors at or above a cosine, exactly and without comparing whole vectors (ours)."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagflow.errors import ArtifactError
from tagflow.ports import FindProduct, Vectors
from tagflow.tagset.scan_codes import WIDE, Codes, IntegerCodes, SingleCodes, allow, make_room, take

TILE = 768  # ours: rows and columns of one block, 2 MB of bounds; fastest of 256 to 2,048
DENSE = 0.02  # ours: share of a block above which one product of whole vectors is cheaper than pair by pair
BATCH = 256  # ours: pairs compared at full length at once; larger copies leave the cache and cost four times as much
GRID = np.float32(2**26)  # ours: vectors lie on multiples of 1/GRID, see ScanIndex


class Pairs(NamedTuple):
    """Pairs i < j and their cosines, sorted by j, then i."""

    i: NDArray[np.int64]
    j: NDArray[np.int64]
    cosine: Vectors


class ScanIndex:
    """Vectors with short codes whose dot product is never below the cosine, so that few pairs need a full comparison.

    Codes are fitted once, to the first vectors (see ``scan_codes``); they decide the speed, never the result, so
    vectors added later keep them.

    The cosine of two vectors is the dot product of their rows rounded to multiples of 2**-26 (components from 1/8 up
    have no finer digits in float32). Every partial sum of such products fits into a float64 without rounding, so any
    order of summation gives the same bits: the result depends neither on tile, threads nor machine. It lies within
    3e-7 of the unrounded one at 384 components, mostly within 1e-8.

    Attributes:
        spoken: mask of shape (n,) of the vectors that are not all zero.
    """

    def __init__(self, vectors: Vectors, *, seed: int = 0, find_product: FindProduct | None = None) -> None:
        """Fit the codes and code the vectors.

        Args:
            vectors: rows of length 1 or 0, shape (n, d).
            seed: chooses the sample that the codes are fitted on; it changes the speed only.
            find_product: finds fast products of whole numbers, where there are some; they change the speed only.

        Raises:
            ArtifactError: a row has another length or is not finite.
        """
        self._codes: Codes = SingleCodes(vectors[:0], seed)
        self._seed, self._find_product = seed, find_product
        self._size = 0
        self._vectors = np.empty((0, vectors.shape[1]), np.float32)  # has room behind the rows in use
        self.spoken = np.empty(0, bool)
        self.add(vectors)

    def __len__(self) -> int:
        """Return the number of vectors."""
        return self._size

    def add(self, vectors: Vectors) -> None:
        """Append vectors; their pairs come from ``iterate_pairs(threshold, start=...)``.

        Raises:
            ArtifactError: a row has another length than 1 or 0, or is not finite.
        """
        lengths = np.sqrt(np.vecdot(vectors, vectors))
        odd = np.flatnonzero(~((np.abs(lengths - 1) < 1e-2) | (lengths == 0)))
        if len(odd):
            raise ArtifactError(
                f"Row {len(self) + int(odd[0])} of the vectors to compare has length {lengths[odd[0]]:.3f}; "
                "bring every row to length 1, or to zeros."
            )
        if not len(self):
            self._codes = self._fit_codes(vectors)
        old, self._size = self._size, self._size + len(vectors)
        self._vectors = make_room(self._vectors, old, self._size)
        self.spoken = np.concatenate([self.spoken, lengths > 0])
        for begin in range(0, len(vectors), TILE):
            rounded = np.rint(vectors[begin : begin + TILE] * GRID) / GRID
            rows = slice(old + begin, old + begin + len(rounded))
            self._vectors[rows] = rounded
            self._codes.add(rounded)

    def iterate_pairs(
        self, threshold: float, *, start: int = 0, tile: int = TILE, leads: NDArray[np.bool_] | None = None
    ) -> Iterator[Pairs]:
        """Yield all pairs i < j with j from ``start`` on and a cosine at or above the threshold, panel by panel.

        A panel holds the pairs of ``tile`` consecutive j; panels come in order of j, also when they are empty.

        Args:
            threshold: cosine; compared as float32, as the cosines are.
            start: first j, for pairs of vectors added last.
            tile: rows and columns of a block; it changes speed and memory only.
            leads: mask of shape (n,), read anew at each panel: an i before the panel is left out where it is False.
        """
        least = np.float32(threshold)
        for left in range(start, len(self), tile):
            stop = min(left + tile, len(self))
            above = np.arange(left) if leads is None else np.flatnonzero(leads[:left])
            rows = [above[top : top + tile] for top in range(0, len(above), tile)]
            i, j, cosine = join_pairs(self._bound(block, left, stop, least) for block in [*rows, np.arange(left, stop)])
            self._complete(i, j, cosine, least)
            kept = np.flatnonzero(cosine >= least)
            kept = kept[np.argsort((j[kept] - left).astype(np.uint16 if tile <= 2**16 else np.int64), kind="stable")]
            yield Pairs(i[kept], j[kept], cosine[kept])

    def _fit_codes(self, vectors: Vectors) -> Codes:
        multiply = self._find_product(len(vectors)) if self._find_product and vectors.shape[1] > WIDE else None
        return IntegerCodes(vectors, self._seed, multiply) if multiply else SingleCodes(vectors, self._seed)

    def _bound(self, rows: NDArray[np.int64], left: int, stop: int, least: np.float32) -> Pairs:
        """Pairs of the rows with columns left to stop whose bound reaches the threshold; cosines NaN if still to do."""
        hits = self._codes.may_reach(rows, left, stop, least)
        if rows[-1] >= left:
            hits &= np.arange(left, stop)[:, None] > rows
        whole = np.count_nonzero(hits) > DENSE * hits.size
        if whole:  # the codes say little here: ask the vectors, in the faster precision first
            hits &= self._vectors[left:stop] @ take(self._vectors, rows).T >= least - allow(self._vectors)
        found = np.flatnonzero(hits)
        column, row = np.divmod(found, len(rows))
        if whole and len(found) > DENSE * hits.size:
            exact = self._vectors[left:stop].astype(np.float64) @ take(self._vectors, rows).astype(np.float64).T
            cosine = exact.ravel()[found].astype(np.float32)
        else:
            cosine = np.full(len(found), np.nan, np.float32)
        return Pairs(rows[row], column + left, cosine)

    def _complete(self, i: NDArray[np.int64], j: NDArray[np.int64], cosine: Vectors, least: np.float32) -> None:
        """Fill in the cosines that are NaN; those that cannot reach the threshold stay NaN."""
        least = least - allow(self._vectors)
        unknown = np.flatnonzero(np.isnan(cosine))
        for begin in range(0, len(unknown), BATCH):
            some = unknown[begin : begin + BATCH]
            some = some[np.vecdot(self._vectors[i[some]], self._vectors[j[some]]) >= least]
            cosine[some] = self.compare(i[some], j[some])

    def compare(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> Vectors:
        """Return the cosine of each pair (i[k], j[k]), the very bits that the scan gives."""
        parts = [
            np.vecdot(
                self._vectors[i[begin : begin + BATCH]].astype(np.float64),
                self._vectors[j[begin : begin + BATCH]].astype(np.float64),
            ).astype(np.float32)
            for begin in range(0, len(i), BATCH)
        ]
        return np.concatenate([*parts, np.empty(0, np.float32)])

    def find_lowest(self, tags: NDArray[np.int64], others: NDArray[np.int64]) -> Vectors:
        """Return each tag's lowest cosine with any of the others (2 without others), the very bits of the scan."""
        lowest = np.full(len(tags), 2.0)
        whole = self._vectors[tags].astype(np.float64)
        for begin in range(0, len(others), TILE):
            block = self._vectors[others[begin : begin + TILE]].astype(np.float64)
            np.minimum(lowest, (whole @ block.T).min(axis=1), out=lowest)
        return lowest.astype(np.float32)


def iterate_pairs(vectors: Vectors, threshold: float, *, tile: int = TILE) -> Iterator[Pairs]:
    """Yield all pairs i < j with a cosine at or above the threshold in panels by j (see ScanIndex)."""
    return ScanIndex(vectors).iterate_pairs(threshold, tile=tile)


def scan_pairs(vectors: Vectors, threshold: float, *, tile: int = TILE) -> Pairs:
    """Return all pairs i < j with a cosine at or above the threshold, sorted by j, then i.

    Held in memory at once, 20 bytes a pair: where the encoder puts everything close together, iterate instead.
    """
    return join_pairs(iterate_pairs(vectors, threshold, tile=tile))


def join_pairs(panels: Iterable[Pairs]) -> Pairs:
    """Return the pairs of all panels, in their order."""
    empty = Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    i, j, cosine = (np.concatenate(part) for part in zip(empty, *panels, strict=True))
    return Pairs(i, j, cosine)
