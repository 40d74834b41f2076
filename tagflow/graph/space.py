"""The vector space of a graph: which node is which row."""

from typing import NamedTuple

import numpy as np
import polars as pl

from tagflow.ports import Vectors


class Space(NamedTuple):
    """Vectors of the contents and tags that occur in a frame of pairs, and which row is whose."""

    contents: pl.DataFrame
    """node and row: position of each content in ``content_vectors``."""
    content_vectors: Vectors
    tags: pl.DataFrame
    """node and row: position of each tag in ``tag_vectors``."""
    tag_vectors: Vectors


def open_space(vectors: pl.DataFrame) -> Space:
    """Return the space of a ``vectors`` frame."""
    sides = []
    width = vectors["vector"].dtype.shape[0]  # type: ignore[attr-defined]
    for kind in ("content", "tag"):
        side = vectors.filter(pl.col("node_kind") == kind)
        matrix = side["vector"].to_numpy() if len(side) else np.zeros((0, width), np.float32)
        sides.append((side.select("node").with_row_index("row").cast({"row": pl.Int64}), np.ascontiguousarray(matrix)))
    return Space(*sides[0], *sides[1])
