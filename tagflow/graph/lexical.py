"""The space of words: texts are near each other when they share rare words or pairs of words (TF-IDF). Pure.

Words are told apart by a hash, so that nothing but their counts has to be kept between two refreshes.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tagflow.ports import Vectors
from tagflow.tables import Tables

WAY = "terms-1"
"""Changes whenever texts are cut into terms in another way, so that old counts are not reused."""

BUCKETS = 2**20  # ours: as many as the weightless encoder's
ROWS = 1024  # ours: texts that are compared with all others at once
CELLS = 2**22  # ours: cosines of a search held in memory together, 16 MB
DIGITS = 6  # equal texts get cosines that differ in the seventh digit
UNSPACED = frozenset({"zh", "ja", "th", "lo", "km", "my"})
"""Languages written without spaces between words."""

TERM_LISTS = {"terms": pl.List(pl.Int64), "term_weights": pl.List(pl.Float32)}


class Lexicon(NamedTuple):
    """How a dataset's texts become weighted terms."""

    language: str
    weights: NDArray[np.float32]
    """Inverse document frequency of each bucket, shape (BUCKETS,)."""
    shared: NDArray[np.bool_]
    """Whether two texts had the bucket when it was counted; only these can bring two texts together."""


def read_terms(contents: pl.DataFrame) -> list[str]:
    """Return the text of each content from which its terms are taken: every field, whole, in their order."""
    said = contents.select(pl.col("clues").list.eval(pl.element().struct.field("text")).list.join("\n"))
    return said.to_series().to_list()


def count_terms(texts: Sequence[str], language: str) -> pl.DataFrame:
    """Return in how many texts each term stands: bucket (int64, ascending) and texts (int64, from 1)."""
    counts = np.bincount(_count(texts, language).indices, minlength=BUCKETS)
    used = np.flatnonzero(counts)
    return pl.DataFrame({"bucket": used, "texts": counts[used]}, schema={"bucket": pl.Int64, "texts": pl.Int64})


def open_lexicon(fitted: Tables, language: str) -> Lexicon:
    """Return the lexicon of a ``fitted_encoder`` artifact."""
    (texts,) = fitted["fit"]["term_texts"]
    counts = np.zeros(BUCKETS)
    counts[fitted["terms"]["bucket"].to_numpy()] = fitted["terms"]["texts"].to_numpy()
    weights = np.log((1 + texts) / (1 + counts)) + 1  # scikit-learn's smoothed default
    return Lexicon(language, weights.astype(np.float32), counts > 1)


def weigh_texts(texts: Sequence[str], lexicon: Lexicon) -> pl.DataFrame:
    """Return the weighted terms of each text as lists: terms (buckets) and term_weights.

    Counts are dampened by logarithm and each text is brought to length 1; then the terms that no two counted texts
    share are left out, as they can match nothing.
    """
    counted = _count(texts, lexicon.language)
    data = (1 + np.log(counted.data)) * lexicon.weights[counted.indices]
    rows = np.repeat(np.arange(len(texts)), np.diff(counted.indptr))
    length = np.sqrt(np.bincount(rows, weights=data**2, minlength=len(texts)))
    kept = lexicon.shared[counted.indices]
    ends = np.concatenate([[0], np.cumsum(np.bincount(rows[kept], minlength=len(texts)))])
    scaled = (data / length[rows])[kept].astype(np.float32)
    return pl.DataFrame(
        {
            "terms": _as_lists(counted.indices[kept].astype(np.int64), ends),
            "term_weights": _as_lists(scaled, ends),
        },
        schema=TERM_LISTS,
    )


def no_terms(length: int) -> pl.DataFrame:
    """Return term lists of texts that have none."""
    return pl.DataFrame({name: [[]] * length for name in TERM_LISTS}, schema=TERM_LISTS)


def open_terms(lists: pl.DataFrame) -> csr_array:
    """Return term lists as a matrix of shape (texts, BUCKETS)."""
    sizes = lists["terms"].list.len().fill_null(0).to_numpy()
    ends = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    full = lists.filter(pl.Series(sizes > 0))
    terms, weights = (full[name].explode().to_numpy() for name in TERM_LISTS)
    return csr_array((weights.astype(np.float32), terms.astype(np.int64), ends), shape=(len(lists), BUCKETS))


def compare_terms(left: csr_array, right: csr_array) -> NDArray[np.float32]:
    """Return the cosines of all rows of two matrices, shape (left, right)."""
    return np.asarray((left @ right.T).toarray(), dtype=np.float32)


def search_terms(queries: csr_array, targets: csr_array, k: int) -> tuple[NDArray[np.int64], Vectors]:
    """Return indices and cosines of the k nearest targets of each query (fewer if there are fewer), ties by index."""
    n, size = queries.shape[0], targets.shape[0]
    k = min(k, size)
    indices, cosines = np.zeros((n, k), np.int64), np.zeros((n, k), np.float32)
    turned = targets.T.tocsr()
    rows = min(ROWS, max(1, CELLS // max(size, 1)))
    for start in range(0, n if k else 0, rows):
        part = slice(start, start + rows)
        scores = (queries[part] @ turned).toarray().astype(np.float32, copy=False)
        np.round(scores, DIGITS, out=scores)
        edge = np.partition(scores, size - k, axis=1)[:, -k, None]
        above, level = scores > edge, scores == edge  # of those on the edge the first ones fill the rest
        fits = above | (level & (np.cumsum(level, axis=1, dtype=np.int32) <= k - above.sum(axis=1)[:, None]))
        column = np.nonzero(fits)[1].reshape(-1, k)
        value = np.take_along_axis(scores, column, axis=1)
        order = np.argsort(-value, axis=1, kind="stable")
        indices[part], cosines[part] = (np.take_along_axis(found, order, axis=1) for found in (column, value))
    return indices, cosines


def stack_terms(rows: csr_array, groups: NDArray[np.int64], members: NDArray[np.int64], size: int) -> csr_array:
    """Return the sum of the rows of each group, shape (size, BUCKETS); ``groups`` and ``members`` are pairs."""
    summed = csr_array((np.ones(len(groups), np.float32), (groups, members)), shape=(size, rows.shape[0])) @ rows
    return summed.tocsr()


def _as_lists(values: NDArray[Any], ends: NDArray[np.int64]) -> pl.Series:
    return pl.Series([values[start:end] for start, end in pairwise(ends)])


def _count(texts: Sequence[str], language: str) -> Any:  # noqa: ANN401 - scikit-learn has no types
    return _make_counter(language).transform([*texts, ""])[: len(texts)]  # it stumbles over no text at all


@lru_cache
def _make_counter(language: str) -> Any:  # noqa: ANN401 - scikit-learn has no types
    from sklearn.feature_extraction.text import HashingVectorizer

    unspaced = language in UNSPACED
    return HashingVectorizer(
        analyzer="char" if unspaced else "word",
        ngram_range=(1, 3) if unspaced else (1, 2),  # ours: pairs of words tell more than words alone, by cross-fitting
        stop_words="english" if language == "en" else None,
        n_features=BUCKETS,
        alternate_sign=False,
        norm=None,
        dtype=np.float32,
    )
