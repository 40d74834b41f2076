"""The local engine: batches run in this process, in order."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

B = TypeVar("B")
R = TypeVar("R")


class LocalEngine:
    """Runs each batch when its result is asked for; the numeric libraries use the cores inside a batch."""

    def map(self, function: Callable[[B], R], batches: Iterable[B]) -> Iterator[R]:
        """Yield the results in the order of the batches."""
        yield from map(function, batches)
