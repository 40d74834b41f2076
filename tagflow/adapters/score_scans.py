"""Estimates of all cosines of a block of queries, in whole numbers or floats, with a bound on how wrong they are.

Both estimates x of a product s of a query q and a vector v have |x - s| <= error(q), and half precision rounds x once
more, to a relative ``rounding``:

- Written in half precision, q and v become q' and v', and q'v' - qv = q'(v' - v) + (q' - q)v. So the product moves by
  at most |q'| |v' - v| + |q' - q| |v| (Cauchy-Schwarz). These lengths are measured, not assumed.
- A sum of d products in single precision, in whatever order, is off by at most d 2^-24 |q| |v| to first order. Three
  such terms cover the processor's half-precision instruction, which rounds twice a step, and the product that the
  estimate is compared with; a fourth is reserve.
- Written in bytes, the same holds of the products of whole numbers, which are exact. All vectors are turned at random
  before, so that no component stands out and the steps are small; the two turns and the product that the estimate is
  compared with are the three terms.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from tagflow.errors import ModelError
from tagflow.ports import IntegerProduct, Vectors
from tagflow.tagset.scan_codes import STEPS, write_bytes

if TYPE_CHECKING:
    import torch

SPARE = 1.1  # ours: room for components beyond the largest of the first vectors
TILE = 8192  # ours: vectors multiplied at once; their maxima are taken while they lie in the cache
SINGLE = 2.0**-24  # the relative error of rounding to float32
HALF = 2.0**-8  # the relative error of rounding to bfloat16
SLACK = 1e-6  # cosines are ranked by their first six digits

R = TypeVar("R")
N = TypeVar("N", np.float32, np.int32)


class Scan(Protocol[R]):
    """Estimates products with a fixed set of vectors, in room of the kind R."""

    rounding: float
    """Relative error of the last rounding of an estimate."""

    def make_room(self, cells: int) -> R:
        """Return room for as many estimates."""

    def bound_error(self, queries: Vectors) -> Vectors:
        """Return for each query what an estimate may be off before its last rounding."""

    def estimate(self, queries: Vectors, group: int, room: R) -> tuple[R, Vectors]:
        """Return all estimates, made in ``room``, and the greatest of each group of vectors, (groups, queries)."""

    def read(self, estimates: R, vector: NDArray[np.int64], query: NDArray[np.int64]) -> Vectors:
        """Return some of the estimates, in float32."""


class SingleScan:
    """Estimates in float32, by numpy."""

    rounding = 0.0

    def __init__(self, vectors: Vectors) -> None:
        """Keep the vectors and measure the longest.

        Raises:
            ModelError: a vector is not finite.
        """
        self._vectors = vectors
        self._longest = max(_check(_measure(vectors[at : at + TILE]).max()) for at in range(0, len(vectors), TILE))

    def make_room(self, cells: int) -> Vectors:
        """Return room for as many estimates."""
        return np.empty(cells, np.float32)

    def bound_error(self, queries: Vectors) -> Vectors:
        """Return for each query what an estimate may be off."""
        return _bound_sum(queries, self._longest)

    def estimate(self, queries: Vectors, group: int, room: Vectors) -> tuple[Vectors, Vectors]:
        """Return all estimates and the greatest of each group of vectors."""
        estimates = room[: len(self._vectors) * len(queries)].reshape(len(self._vectors), len(queries))
        return estimates, _fill(
            estimates, group, lambda rows, tile: np.matmul(self._vectors[rows], queries.T, out=tile)
        )

    def read(self, estimates: Vectors, vector: NDArray[np.int64], query: NDArray[np.int64]) -> Vectors:
        """Return some of the estimates."""
        return estimates[vector, query]


class HalfScan:
    """Estimates in bfloat16, by torch, on processors that multiply it natively."""

    rounding = HALF

    def __init__(self, vectors: Vectors) -> None:
        """Convert the vectors and measure what that changed.

        Raises:
            ModelError: a vector is not finite.
        """
        import torch

        self._vectors = torch.empty(vectors.shape, dtype=torch.bfloat16)
        self._longest = self._moved = 0.0
        for start in range(0, len(vectors), TILE):
            half, moved, length = _halve(vectors[start : start + TILE])
            self._vectors[start : start + TILE] = half
            self._longest = max(self._longest, _check(length.max()))
            self._moved = max(self._moved, float(moved.max()))

    def make_room(self, cells: int) -> "torch.Tensor":
        """Return room for as many estimates."""
        import torch

        return torch.empty(cells, dtype=torch.bfloat16)

    def bound_error(self, queries: Vectors) -> Vectors:
        """Return for each query what an estimate may be off before its last rounding."""
        _, moved, length = _halve(queries)
        off: Vectors = (length + moved) * self._moved + moved * self._longest
        return off + _bound_sum(queries, self._longest)

    def estimate(self, queries: Vectors, group: int, room: "torch.Tensor") -> "tuple[torch.Tensor, Vectors]":
        """Return all estimates and the greatest of each group of vectors."""
        import torch

        n, count = len(self._vectors), len(queries)
        columns = _halve(queries)[0].T
        estimates = room[: n * count].view(n, count)
        maxima = torch.empty((-(-n // group), count))
        with torch.inference_mode():
            for start in range(0, n, TILE):
                tile = estimates[start : start + TILE]
                torch.mm(self._vectors[start : start + TILE], columns, out=tile)
                whole = len(tile) - len(tile) % group
                first = start // group
                maxima[first : first + whole // group] = tile[:whole].view(-1, group, count).amax(1)
                if whole < len(tile):
                    maxima[-1] = tile[whole:].amax(0)
        return estimates, maxima.numpy()

    def read(self, estimates: "torch.Tensor", vector: NDArray[np.int64], query: NDArray[np.int64]) -> Vectors:
        """Return some of the estimates, in float32."""
        import torch

        some: Vectors = estimates[torch.from_numpy(vector), torch.from_numpy(query)].float().numpy()
        return some


class IntegerScan:
    """Estimates in whole numbers of one byte, on processors that multiply them fast."""

    rounding = 4 * SINGLE

    def __init__(self, vectors: Vectors, multiply: IntegerProduct) -> None:
        """Convert the vectors and measure what that changed.

        Raises:
            ModelError: a vector is not finite.
        """
        d = vectors.shape[1]
        self._multiply = multiply
        self._turn = np.linalg.qr(np.random.default_rng(0).standard_normal((d, d)))[0].astype(np.float32)
        self._codes = np.empty(vectors.shape, np.int8)
        self._longest = max(_check(_measure(vectors[at : at + TILE]).max()) for at in range(0, len(vectors), TILE))
        first = np.abs(vectors[:TILE] @ self._turn).max()
        self._step = np.float32(STEPS / (SPARE * float(first)) if first else 1.0)
        self._moved = 0.0
        for start in range(0, len(vectors), TILE):
            self._codes[start : start + TILE], moved = self._write(vectors[start : start + TILE])
            self._moved = max(self._moved, float(moved.max()))

    def make_room(self, cells: int) -> NDArray[np.int32]:
        """Return room for as many estimates."""
        return np.empty(cells, np.int32)

    def bound_error(self, queries: Vectors) -> Vectors:
        """Return for each query what an estimate may be off before its last rounding."""
        _, moved = self._write(queries)
        off: Vectors = (_measure(queries) + moved) * self._moved + moved * self._longest
        return off + _bound_sum(queries, self._longest)

    def estimate(self, queries: Vectors, group: int, room: NDArray[np.int32]) -> tuple[NDArray[np.int32], Vectors]:
        """Return all estimates, in squared steps, and the greatest of each group of vectors, as a product."""
        asked, _ = self._write(queries)
        estimates = room[: len(self._codes) * len(queries)].reshape(len(self._codes), len(queries))
        maxima = _fill(estimates, group, lambda rows, tile: self._multiply(self._codes[rows], asked, tile))
        return estimates, maxima / self._step**2

    def read(self, estimates: NDArray[np.int32], vector: NDArray[np.int64], query: NDArray[np.int64]) -> Vectors:
        """Return some of the estimates as products."""
        return estimates[vector, query].astype(np.float32) / self._step**2

    def _write(self, rows: Vectors) -> tuple[NDArray[np.int8], Vectors]:
        """Rows, turned, in steps, and how far each moved; what goes beyond the steps is cut."""
        return write_bytes(rows @ self._turn, self._step)


def _fill(estimates: NDArray[N], group: int, multiply: Callable[[slice, NDArray[N]], object]) -> Vectors:
    """Have every tile of the estimates written, and return the greatest of each group of vectors."""
    n, count = estimates.shape
    maxima = np.empty((-(-n // group), count), np.float32)
    for start in range(0, n, TILE):
        tile = estimates[start : start + TILE]
        multiply(slice(start, start + TILE), tile)
        whole = len(tile) - len(tile) % group
        first = start // group
        maxima[first : first + whole // group] = tile[:whole].reshape(-1, group, count).max(axis=1)
        if whole < len(tile):
            maxima[-1] = tile[whole:].max(axis=0)
    return maxima


def _halve(vectors: Vectors) -> "tuple[torch.Tensor, Vectors, Vectors]":
    """The vectors in bfloat16, how far each moved, and how long each was."""
    import torch

    single = torch.from_numpy(np.array(vectors, np.float32))
    half = single.to(torch.bfloat16)
    return half, (half.float() - single).norm(dim=1).numpy(), single.norm(dim=1).numpy()


def _bound_sum(queries: Vectors, longest: float) -> Vectors:
    length = _measure(queries)
    _check(length.max())
    off: Vectors = 4 * queries.shape[1] * SINGLE * longest * length + SLACK
    return off


def _measure(vectors: Vectors) -> Vectors:
    length: Vectors = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return length


def _check(length: np.float32) -> float:
    """The greatest length, which is not finite if any number is not."""
    if not np.isfinite(length):
        raise ModelError("Neighbours cannot be found: a vector is not finite.")
    return float(length)
