"""Short codes of unit vectors, whose products tell which pairs cannot reach a cosine (ours).

A code holds the coordinates in an orthonormal basis that carries most of the length, and the length of the rest: by
Cauchy and Schwarz the two rests add at most the product of their lengths, so the product of two codes is never below
the cosine. The basis is fitted once, to the first vectors; it decides the speed, never what may be ruled out.
"""

from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from tagflow.ports import IntegerProduct, Vectors

CODE = 88  # ours: components of a code in float32; fastest of 48 to 128 on English tags under MiniLM
WIDE = 96  # ours: components of a code in whole numbers; fastest of 64 to 160 on the same tags
SAMPLE = 4096  # ours: rows that the basis is fitted on
ROUNDS, SPARE = 4, 16  # ours: rounds and spare columns of its power iteration; 99 % of what an exact basis carries
ROUNDING = 2.0**-24  # the largest relative error of one float32 operation
SLACK = 1e-6  # ours: added to squared residual norms; a hundred times their error in float64
STEPS = 127  # the largest whole number that a byte holds on both sides of zero
SPARE_STEPS = 1.25  # ours: room for coordinates beyond the largest of the vectors that the codes are fitted to
SHIFT = 1e-5  # ours: more than float32 codes and the last conversion can change a bound between two whole codes

T = TypeVar("T", bound=np.generic)
F = TypeVar("F", np.float32, np.float64)


class Codes(Protocol):
    """Codes of vectors 0 to n - 1, in the order that they were added."""

    def add(self, vectors: Vectors) -> None:
        """Append the codes of unit or zero rows."""

    def may_reach(self, rows: NDArray[np.int64], left: int, stop: int, least: np.float32) -> NDArray[np.bool_]:
        """Return for columns left to stop and the rows, (stop - left, rows), whether their cosine may reach least."""


class SingleCodes:
    """Codes in float32, multiplied by numpy; without a basis the vectors themselves."""

    def __init__(self, vectors: Vectors, seed: int) -> None:
        """Fit the basis to the vectors, whose codes are still to be added."""
        self._basis = fit_basis(vectors, CODE, seed) if len(vectors) and vectors.shape[1] > CODE else None
        self._size = 0
        self._codes = np.empty((0, min(CODE, vectors.shape[1])), np.float32)

    def add(self, vectors: Vectors) -> None:
        """Append the codes of unit or zero rows."""
        old, self._size = self._size, self._size + len(vectors)
        self._codes = make_room(self._codes, old, self._size)
        self._codes[old : self._size] = vectors if self._basis is None else code(vectors, self._basis)

    def may_reach(self, rows: NDArray[np.int64], left: int, stop: int, least: np.float32) -> NDArray[np.bool_]:
        """Return for columns left to stop and the rows whether their cosine may reach least."""
        codes = take(self._codes, rows)
        reached: NDArray[np.bool_] = self._codes[left:stop] @ codes.T >= least - allow(codes)
        return reached


class IntegerCodes:
    """Codes in whole numbers of one byte, four times as fast where the processor multiplies them.

    A code c, turned at random so that no coordinate stands out, is written q / s + e with whole q. The product of two
    codes, cd = qr / s^2 + c f + e d - e f, is at most qr / s^2 + E (2 C + E) for the greatest length C of a code and
    the greatest error E. Both are measured, also where a vector added later goes beyond the steps and is cut.
    """

    def __init__(self, vectors: Vectors, seed: int, multiply: IntegerProduct) -> None:
        """Fit the basis to the vectors, whose codes are still to be added; the first of them set the step."""
        random = np.random.default_rng(seed)
        turn = np.linalg.qr(random.standard_normal((WIDE, WIDE)))[0]
        self._basis, self._turn = fit_basis(vectors, WIDE, seed), turn
        self._step = 0.0
        self._multiply = multiply
        self._size = 0
        self._longest = self._moved = 0.0
        self._codes = np.empty((0, WIDE), np.int8)

    def add(self, vectors: Vectors) -> None:
        """Append the codes of unit or zero rows."""
        turned = code(vectors, self._basis).astype(np.float64) @ self._turn
        if not self._step and len(turned):
            self._step = STEPS / (SPARE_STEPS * float(np.abs(turned).max()))
        whole, moved = write_bytes(turned, self._step)
        self._longest = max(self._longest, float(np.sqrt(np.vecdot(turned, turned).max(initial=0.0))))
        self._moved = max(self._moved, float(moved.max(initial=0.0)))
        old, self._size = self._size, self._size + len(vectors)
        self._codes = make_room(self._codes, old, self._size)
        self._codes[old : self._size] = whole

    def may_reach(self, rows: NDArray[np.int64], left: int, stop: int, least: np.float32) -> NDArray[np.bool_]:
        """Return for columns left to stop and the rows whether their cosine may reach least."""
        error = self._moved * (2 * self._longest + self._moved) + SHIFT
        bound = np.int32(np.floor((float(least) - error) * self._step**2))
        reached: NDArray[np.bool_] = self._multiply(self._codes[left:stop], take(self._codes, rows)) >= bound
        return reached


def fit_basis(vectors: Vectors, size: int, seed: int) -> NDArray[np.float64]:
    """Orthonormal columns (d, size - 1) along which a sample is nearly longest, measured from zero.

    Found by block power iteration, whose time is that of the rows: an eigendecomposition of the moments of 1,024
    components takes seconds, for however few tags.
    """
    random = np.random.default_rng(seed)
    sample = vectors
    if len(vectors) > SAMPLE:
        sample = vectors[np.sort(random.choice(len(vectors), SAMPLE, replace=False))]
    basis = random.standard_normal((sample.shape[1], min(size - 1 + SPARE, sample.shape[1])), dtype=np.float32)
    for _ in range(ROUNDS):
        basis = np.linalg.qr(sample.T @ (sample @ basis))[0]
    wide = np.linalg.qr(basis.astype(np.float64))[0]
    within = sample @ wide
    return np.asarray(wide @ np.linalg.eigh(within.T @ within)[1][:, :-size:-1])


def code(vectors: Vectors, basis: NDArray[np.float64]) -> Vectors:
    """Coordinates in the basis and the length of the rest."""
    whole = vectors.astype(np.float64)
    inside = whole @ basis
    rest = np.vecdot(whole, whole) - np.vecdot(inside, inside)
    return np.column_stack([inside, np.sqrt(np.maximum(rest, 0) + SLACK)]).astype(np.float32)


def write_bytes(rows: NDArray[F], step: float | np.float32) -> tuple[NDArray[np.int8], NDArray[F]]:
    """Return the rows in whole steps, and how far each moved by that; what goes beyond the steps of a byte is cut."""
    whole = np.clip(np.rint(rows * step), -STEPS, STEPS)
    off = rows - whole / step
    return whole.astype(np.int8), np.sqrt(np.vecdot(off, off))


def make_room(table: NDArray[T], used: int, needed: int) -> NDArray[T]:
    """Return the table, or a longer one with its used rows; an eighth is spare, so that adding few copies nothing."""
    if needed <= len(table):
        return table
    longer = np.empty((needed + needed // 8, table.shape[1]), table.dtype)
    longer[:used] = table[:used]
    return longer


def allow(rows: Vectors) -> np.float32:
    """More than a float32 product of such rows can lie below the true one: an error a component, and four of theirs."""
    return np.float32(1.05 * (rows.shape[1] + 4) * ROUNDING)  # all numbers are below 1.03


def take(table: NDArray[T], rows: NDArray[np.int64]) -> NDArray[T]:
    """Rows in ascending order; a view where they are consecutive."""
    first, last = rows[0], rows[-1]
    return table[first : last + 1] if last - first + 1 == len(rows) else table[rows]
