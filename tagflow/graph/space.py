"""The spaces of a graph, of meaning and of words: which node is which row."""

from typing import NamedTuple

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from tagflow.graph.classifier import Classifier
from tagflow.graph.lexical import open_terms
from tagflow.ports import Vectors
from tagflow.tables import Tables


class Space(NamedTuple):
    """Vectors and terms of the contents and tags that occur in a frame of pairs, and which row is whose."""

    contents: pl.DataFrame
    """node and row: position of each content in ``content_vectors`` and ``content_terms``."""
    content_vectors: Vectors
    content_terms: csr_array
    tags: pl.DataFrame
    """node and row: position of each tag in ``tag_vectors`` and ``tag_terms``."""
    tag_vectors: Vectors
    tag_terms: csr_array
    classifier: Classifier | None
    """None where nothing was learned."""


def open_space(graph: Tables) -> Space:
    """Return the space of a graph; ``vectors`` is enough, then it has no classifier."""
    sides: list[tuple[pl.DataFrame, Vectors, csr_array]] = []
    for kind in ("content", "tag"):
        chosen = graph["vectors"]["node_kind"] == kind
        side = graph["vectors"].drop("vector").filter(chosen)
        nodes = side.select("node").with_row_index("row").cast({"row": pl.Int64})
        sides.append((nodes, _gather_vectors(graph["vectors"]["vector"], chosen), open_terms(side)))
    classifier = _open_classifier(graph, sides[0][0], sides[1][0]) if len(graph.get("classifier", ())) else None
    return Space(*sides[0], *sides[1], classifier)


def _gather_vectors(vectors: pl.Series, chosen: pl.Series) -> Vectors:
    """Some of the vectors, without a second copy of them on the way; they come from the store in pieces."""
    assert isinstance(vectors.dtype, pl.Array)
    matrix = np.empty((int(chosen.sum()), vectors.dtype.shape[0]), np.float32)
    seen = filled = 0
    for piece in vectors.get_chunks():
        here = chosen[seen : seen + len(piece)].to_numpy()
        end = filled + int(here.sum())
        matrix[filled:end] = piece.to_numpy()[here]
        seen, filled = seen + len(piece), end
    return matrix


def _open_classifier(graph: Tables, contents: pl.DataFrame, tags: pl.DataFrame) -> Classifier:
    """A content or tag that is no longer in the space is left out."""
    fitted = graph["classifier"].join(contents, left_on="content_id", right_on="node", maintain_order="left")
    places = graph["classified"].join(tags, left_on="tag_id", right_on="node")
    columns = np.full(len(tags), -1, np.int64)
    columns[places["row"].to_numpy()] = places["place"].to_numpy()
    own = fitted["own"].to_numpy().astype(np.float32)
    return Classifier(fitted["row"].to_numpy(), columns, np.ascontiguousarray(fitted["weights"].to_numpy()), own)
