"""Cosines of many (content, tag) pairs at once, in meaning and by words."""

import numpy as np
from scipy.sparse import csr_array

from tagflow.graph.lexical import stack_terms
from tagflow.ports import Vectors

CELLS = 2**20  # ours: numbers of pairs' vectors that are held in memory together; 4 MB, which lie in the cache
PRODUCTS = 2**22  # ours: products of texts with all tags that are held in memory together, 16 MB

Edges = tuple[np.ndarray, np.ndarray]
"""Tag row and content row of each edge."""


def dot_vectors(left: Vectors, left_rows: np.ndarray, right: Vectors, right_rows: np.ndarray) -> np.ndarray:
    """Return the product of each pair of rows."""
    out = np.zeros(len(left_rows), np.float64)
    for part in _slices(len(left_rows), max(1, CELLS // max(1, left.shape[1]))):
        out[part] = np.einsum("ij,ij->i", left[left_rows[part]], right[right_rows[part]])
    return out


def dot_terms(left: csr_array, left_rows: np.ndarray, right: csr_array, right_rows: np.ndarray) -> np.ndarray:
    """Return the product of each pair of rows; each left row is multiplied with all right ones once."""
    rows, place = np.unique(left_rows, return_inverse=True)
    order = np.argsort(place, kind="stable")
    turned = right.T.tocsr()
    out = np.zeros(len(left_rows), np.float64)
    for part in _slices(len(rows), max(1, PRODUCTS // max(1, right.shape[0]))):
        pairs = order[
            np.searchsorted(place, part.start, sorter=order) : np.searchsorted(place, part.stop, sorter=order)
        ]
        products = (left[rows[part]] @ turned).toarray()
        out[pairs] = products[place[pairs] - part.start, right_rows[pairs]]
    return out


def compare_centroids(
    content: np.ndarray, tag: np.ndarray, own: np.ndarray, linked: Edges, vectors: Vectors, tags: int
) -> np.ndarray:
    """Return the cosine of each content to the sum of the other contents of the tag; 0 where there are none.

    Args:
        content: content row of each pair.
        tag: tag row of each pair.
        own: 1 where the content is itself one of the tag's, else 0.
        linked: the contents of each tag.
        vectors: of the contents, unit rows.
        tags: number of tags.
    """
    sums = csr_array((np.ones(len(linked[0]), np.float32), linked), shape=(tags, len(vectors))) @ vectors
    out = np.zeros(len(content), np.float64)
    for part in _slices(len(content), max(1, CELLS // max(1, vectors.shape[1]))):
        rows = vectors[content[part]]
        rest = sums[tag[part]] - own[part, None].astype(np.float32) * rows
        length = np.linalg.norm(rest, axis=1)
        out[part] = np.einsum("ij,ij->i", rows, rest) / np.where(length > 1e-6, length, np.inf)
    return out


def compare_term_centroids(
    content: np.ndarray, tag: np.ndarray, own: np.ndarray, linked: Edges, terms: csr_array, tags: int
) -> np.ndarray:
    """Return the same as ``compare_centroids`` by words; |s - x|² is |s|² - 2 s·x + |x|²."""
    sums = stack_terms(terms, *linked, tags)
    product = dot_terms(terms, content, sums, tag)
    squares, whole = (np.asarray((rows * rows).sum(axis=1), np.float64) for rows in (terms, sums))
    left = np.maximum(whole[tag] - own * (2 * product - squares[content]), 0.0)
    length = np.sqrt(left)
    return np.asarray((product - own * squares[content]) / np.where(length > 1e-3, length, np.inf))


def _slices(length: int, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, length, size)]
