"""Every pair of vectors at or above a cosine, exactly and without comparing whole vectors (ours)."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagflow.errors import ArtifactError
from tagflow.ports import Vectors

TILE = 768  # ours: rows and columns of one block, 2 MB of bounds; fastest of 256 to 2,048
CODE = 88  # ours: components of a code; fastest of 48 to 128 on English tags under MiniLM
SAMPLE = 4096  # ours: rows that the basis is fitted on
ROUNDS, SPARE = 4, 16  # ours: rounds and spare columns of its power iteration; 99 % of what an exact basis carries
DENSE = 0.02  # ours: share of a block above which one product of whole vectors is cheaper than pair by pair
BATCH = 256  # ours: pairs compared at full length at once; larger copies leave the cache and cost four times as much
GRID = np.float32(2**26)  # ours: vectors lie on multiples of 1/GRID, see ScanIndex
ROUNDING = 2.0**-24  # the largest relative error of one float32 operation
SLACK = 1e-6  # ours: added to squared residual norms; a hundred times their error in float64


class Pairs(NamedTuple):
    """Pairs i < j and their cosines, sorted by j, then i."""

    i: NDArray[np.int64]
    j: NDArray[np.int64]
    cosine: Vectors


class ScanIndex:
    """Vectors with short codes whose dot product is never below the cosine, so that few pairs need a full comparison.

    A code holds the coordinates in an orthonormal basis that carries most of the length, and the length of the rest:
    by Cauchy and Schwarz the two rests add at most the product of their lengths. The basis is fitted once, to the first
    vectors; it decides the speed, never the result, so vectors added later keep it.

    The cosine of two vectors is the dot product of their rows rounded to multiples of 2**-26 (components from 1/8 up
    have no finer digits in float32). Every partial sum of such products fits into a float64 without rounding, so any
    order of summation gives the same bits: the result depends neither on tile, threads nor machine. It lies within
    3e-7 of the unrounded one at 384 components, mostly within 1e-8.

    Attributes:
        spoken: mask of shape (n,) of the vectors that are not all zero.
    """

    def __init__(self, vectors: Vectors, *, seed: int = 0) -> None:
        """Fit the basis and code the vectors.

        Args:
            vectors: rows of length 1 or 0, shape (n, d).
            seed: chooses the sample that the basis is fitted on; it changes the speed only.

        Raises:
            ArtifactError: a row has another length or is not finite.
        """
        self._basis: NDArray[np.float64] | None = None
        self._seed = seed
        self._size = 0
        self._vectors = np.empty((0, vectors.shape[1]), np.float32)  # both have room behind the rows in use
        self._codes = np.empty((0, min(CODE, vectors.shape[1])), np.float32)
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
        if not len(self) and vectors.shape[1] > CODE:
            self._basis = _fit_basis(vectors, self._seed)
        old, self._size = self._size, self._size + len(vectors)
        self._vectors, self._codes = (_make_room(table, old, self._size) for table in (self._vectors, self._codes))
        self.spoken = np.concatenate([self.spoken, lengths > 0])
        for begin in range(0, len(vectors), TILE):
            rounded = np.rint(vectors[begin : begin + TILE] * GRID) / GRID
            rows = slice(old + begin, old + begin + len(rounded))
            self._vectors[rows] = rounded
            self._codes[rows] = _code(rounded, self._basis)

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

    def _bound(self, rows: NDArray[np.int64], left: int, stop: int, least: np.float32) -> Pairs:
        """Pairs of the rows with columns left to stop whose bound reaches the threshold; cosines NaN if still to do."""
        codes = _take(self._codes, rows)
        hits = self._codes[left:stop] @ codes.T >= least - _allow(codes)
        if rows[-1] >= left:
            hits &= np.arange(left, stop)[:, None] > rows
        whole = np.count_nonzero(hits) > DENSE * hits.size
        if whole:  # the codes say little here: ask the vectors, in the faster precision first
            hits &= self._vectors[left:stop] @ _take(self._vectors, rows).T >= least - _allow(self._vectors)
        found = np.flatnonzero(hits)
        column, row = np.divmod(found, len(rows))
        if whole and len(found) > DENSE * hits.size:
            exact = self._vectors[left:stop].astype(np.float64) @ _take(self._vectors, rows).astype(np.float64).T
            cosine = exact.ravel()[found].astype(np.float32)
        else:
            cosine = np.full(len(found), np.nan, np.float32)
        return Pairs(rows[row], column + left, cosine)

    def _complete(self, i: NDArray[np.int64], j: NDArray[np.int64], cosine: Vectors, least: np.float32) -> None:
        """Fill in the cosines that are NaN; those that cannot reach the threshold stay NaN."""
        least = least - _allow(self._vectors)
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


def _fit_basis(vectors: Vectors, seed: int) -> NDArray[np.float64]:
    """Orthonormal columns (d, CODE - 1) along which the sample is nearly longest, measured from zero.

    Found by block power iteration, whose time is that of the rows: an eigendecomposition of the moments of 1,024
    components takes seconds, for however few tags.
    """
    random = np.random.default_rng(seed)
    sample = vectors
    if len(vectors) > SAMPLE:
        sample = vectors[np.sort(random.choice(len(vectors), SAMPLE, replace=False))]
    basis = random.standard_normal((sample.shape[1], min(CODE - 1 + SPARE, sample.shape[1])), dtype=np.float32)
    for _ in range(ROUNDS):
        basis = np.linalg.qr(sample.T @ (sample @ basis))[0]
    wide = np.linalg.qr(basis.astype(np.float64))[0]
    within = sample @ wide
    return np.asarray(wide @ np.linalg.eigh(within.T @ within)[1][:, :-CODE:-1])


def _code(vectors: Vectors, basis: NDArray[np.float64] | None) -> Vectors:
    """Coordinates in the basis and the length of the rest; without a basis, the vectors themselves."""
    if basis is None:
        return vectors
    whole = vectors.astype(np.float64)
    inside = whole @ basis
    rest = np.vecdot(whole, whole) - np.vecdot(inside, inside)
    return np.column_stack([inside, np.sqrt(np.maximum(rest, 0) + SLACK)]).astype(np.float32)


def _make_room(table: Vectors, used: int, needed: int) -> Vectors:
    """Return the table, or a longer one with its used rows; an eighth is spare, so that adding few copies nothing."""
    if needed <= len(table):
        return table
    longer = np.empty((needed + needed // 8, table.shape[1]), np.float32)
    longer[:used] = table[:used]
    return longer


def _allow(rows: Vectors) -> np.float32:
    """More than a float32 product of such rows can lie below the true one: an error a component, and four of theirs."""
    return np.float32(1.05 * (rows.shape[1] + 4) * ROUNDING)  # all numbers are below 1.03


def _take(table: Vectors, rows: NDArray[np.int64]) -> Vectors:
    """Rows in ascending order; a view where they are consecutive."""
    first, last = rows[0], rows[-1]
    return table[first : last + 1] if last - first + 1 == len(rows) else table[rows]
