"""A linear one-against-rest classifier of contents, fitted to people's tags in closed form.

Ridge regression on the words and the vector of a content together, in its dual form: the kernel is a weighted mean of
both cosines. What it says about a content that it was fitted on is told as if that content had not been there (the
leave-one-out formula of ridge regression), so no answer ever feeds its own score.
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.linalg.lapack import spotrf, spotri
from scipy.sparse import csr_array

from tagflow.clues.holdout import draw_contents
from tagflow.graph.edges import PEOPLE
from tagflow.graph.lexical import ROWS, compare_terms
from tagflow.ports import Vectors
from tagflow.schemas import CONTENT_TAG_GRAPH
from tagflow.tables import Tables

MOST_CONTENTS = 16_384  # ours: the matrix to invert is 1 GB and takes about a minute of CPU time
MOST_TAGS = 2048  # ours: the most used ones
MOST_WEIGHTS = 2**24  # ours: 64 MB; of many tags fewer contents are learned
FEWEST_USES = 2  # ours: a tag used once has nothing to be learned from when its content is left out
WORDS = 0.7  # ours: weight of the words; of 0.5, 0.7 and 1 the best mean over three sets of contents held out for it
STRENGTH = 0.25  # ours: as good as 0.5 and 1 there (mean nDCG@10 within 0.001), a little better on free labels


class Classifier(NamedTuple):
    """Dual weights over the contents it was fitted on, and the rows of both in a space."""

    contents: NDArray[np.int64]
    """Rows of the contents it was fitted on."""
    tags: NDArray[np.int64]
    """Column of each tag row in ``weights``; -1 for a tag it does not know."""
    weights: NDArray[np.float32]
    """Shape (contents, known tags)."""
    own: NDArray[np.float32]
    """Diagonal of the inverse, for leaving a content out."""


def fit_classifier(history: pl.DataFrame, contents: tuple[pl.Series, Vectors, csr_array]) -> Tables:
    """Return the tables ``classifier`` and ``classified``; both are empty where there is nothing to learn.

    Of more than ``MOST_CONTENTS`` annotated contents (fewer where the tags are many) so many are learned, drawn by the
    hash of their ids.

    Args:
        history: deterministic edges; people's are learned.
        contents: ids, vectors and terms of the contents with text.
    """
    tables = {name: CONTENT_TAG_GRAPH.tables[name].empty() for name in ("classifier", "classified")}
    human = history.filter(pl.col("origin").is_in(PEOPLE)).select("content_id", "target").unique(maintain_order=True)
    ids, vectors, terms = contents
    taught = pl.DataFrame({"content_id": ids}).with_row_index("row").join(human, on="content_id", how="semi")
    tags = len(_find_often(human, taught))
    placed = draw_contents(taught, min(MOST_CONTENTS, MOST_WEIGHTS // max(tags, 1))).sort("row")
    known = _find_often(human, placed).with_row_index("place").cast({"place": pl.Int64})
    if not len(known):
        return tables
    rows = placed["row"].to_numpy()
    answers = (
        human.join(placed.select("content_id").with_row_index("fit"), on="content_id")
        .join(known, left_on="target", right_on="tag_id")
        .select("fit", "place")
        .to_numpy()
    )
    right = csr_array((np.ones(len(answers), np.float32), answers.T), shape=(len(rows), len(known)))
    inverse = _invert(vectors[rows], terms[rows])
    weights = np.ascontiguousarray((right.T @ inverse).T)
    tables["classifier"] = pl.DataFrame(
        {
            "content_id": placed["content_id"],
            "own": np.diag(inverse).astype(np.float64),
            "weights": pl.Series(weights, dtype=pl.Array(pl.Float32, len(known))),
        }
    )
    tables["classified"] = known.select("tag_id", "place")
    return tables


def _find_often(human: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
    """The tags that people used on several of the contents, the most used first, ties by id."""
    uses = human.join(contents, on="content_id").group_by("target").agg(uses=pl.len())
    often = uses.filter(pl.col("uses") >= FEWEST_USES).sort(-pl.col("uses").cast(pl.Int64), "target")
    return often.head(MOST_TAGS).select(tag_id="target")


def score_contents(
    rows: NDArray[np.int64], classifier: Classifier, vectors: Vectors, terms: csr_array
) -> NDArray[np.float32]:
    """Return the score of each known tag for some rows of a space, shape (rows, known tags), left-one-out.

    Args:
        rows: rows of contents, each once.
        classifier: as opened in the space.
        vectors: of all contents of the space.
        terms: of all contents of the space.
    """
    place = np.full(len(vectors), -1, np.int64)
    place[classifier.contents] = np.arange(len(classifier.contents))
    known, words = vectors[classifier.contents], terms[classifier.contents]
    out = np.zeros((len(rows), classifier.weights.shape[1]), np.float32)
    for start in range(0, len(rows), ROWS):
        asked = rows[start : start + ROWS]
        kernel = _mix(vectors[asked] @ known.T, compare_terms(terms[asked], words))
        own = place[asked]
        at = np.flatnonzero(own >= 0)
        kernel[at, own[at]] = 1.0
        scores = kernel @ classifier.weights
        weight = classifier.weights[own[at]]
        scores[at] += STRENGTH * weight - weight / classifier.own[own[at], None]
        out[start : start + ROWS] = scores
    return out


def _mix(meaning: Vectors, words: Vectors) -> Vectors:
    return (1 - WORDS) * meaning + WORDS * words


def _invert(vectors: Vectors, terms: csr_array) -> NDArray[np.float32]:
    """The inverse of kernel and strength; a text's own cosine is 1, whatever terms were left out."""
    kernel = np.empty((len(vectors), len(vectors)), np.float32)
    for start in range(0, len(vectors), ROWS):
        part = slice(start, start + ROWS)
        kernel[part] = _mix(vectors[part] @ vectors.T, compare_terms(terms[part], terms))
    np.fill_diagonal(kernel, 1.0 + STRENGTH)
    factor, _ = spotrf(kernel.T, lower=0, overwrite_a=1, clean=0)
    inverse, _ = spotri(factor, lower=0, overwrite_c=1)
    for start in range(0, len(inverse), ROWS):  # block by block in place: a second matrix may not fit beside it
        part = slice(start, start + ROWS)
        inverse[start + ROWS :, part] = inverse[part, start + ROWS :].T
        corner = np.triu(inverse[part, part])
        inverse[part, part] = corner + np.triu(corner, 1).T
    return np.asarray(inverse, dtype=np.float32)
