"""Nearest neighbours: exact search is brute force, ties included; hnswlib comes close and is the same twice."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagflow.adapters import exact_neighbours, neighbours
from tagflow.adapters.exact_neighbours import ExactNeighbours
from tagflow.adapters.hnswlib_neighbours import HnswNeighbours
from tagflow.adapters.neighbours import choose_index
from tagflow.errors import ModelError
from tagflow.graph.insertion import BuildIndex
from tagflow.ports import Vectors

BOTH = pytest.mark.parametrize("build", [ExactNeighbours, HnswNeighbours])
AXES = np.concatenate([np.eye(3), -np.eye(3), np.zeros((1, 3))]).astype(np.float32)


def random_units(count: int, dimension: int, seed: int = 0) -> Vectors:
    """Return random unit vectors."""
    rows = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def search_by_hand(vectors: Vectors, queries: Vectors, k: int) -> list[list[tuple[int, float]]]:
    """Return index and cosine of the k nearest, by sorting every product; ties by lower index."""
    return [
        sorted(((row, float(query @ vector)) for row, vector in enumerate(vectors)), key=lambda hit: (-hit[1], hit[0]))[
            :k
        ]
        for query in queries
    ]


def hits(index: BuildIndex, vectors: Vectors, queries: Vectors, k: int) -> list[list[tuple[int, float]]]:
    """Return index and cosine of what an index finds."""
    indices, cosines = index(vectors).search(queries, k)
    assert (indices.dtype, cosines.dtype) == (np.int64, np.float32)
    assert indices.shape == cosines.shape == (len(queries), min(k, len(vectors)))
    return [list(zip(*rows, strict=True)) for rows in zip(indices.tolist(), cosines.tolist(), strict=True)]


ROWS = st.lists(st.integers(0, 6), max_size=12).map(lambda rows: AXES[rows])


@given(vectors=ROWS, queries=ROWS, k=st.integers(1, 15))
def test_exact_search_is_brute_force_with_ties_by_lower_index(vectors: Vectors, queries: Vectors, k: int) -> None:
    """Products of axes are -1, 0 or 1 without rounding, and most of them are ties."""
    assert hits(ExactNeighbours, vectors, queries, k) == search_by_hand(vectors, queries, k)


def test_exact_search_is_brute_force_over_many_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact_neighbours, "CELLS", 300 * 64)
    vectors, queries = random_units(300, 8), random_units(2049, 8, seed=1)
    found = ExactNeighbours(vectors).search(queries, 7)[0]
    np.testing.assert_array_equal(found, np.argsort(-(queries @ vectors.T), axis=1)[:, :7])


@pytest.mark.parametrize("copies", [5, 9, 64])
@pytest.mark.parametrize("dimension", [64, 384])
def test_copies_of_one_vector_are_ties(copies: int, dimension: int) -> None:
    """Contents with the same text have the same vector; the product of each must not depend on where it stands."""
    vectors = np.repeat(random_units(1, dimension), copies, axis=0)
    found = ExactNeighbours(vectors).search(random_units(7, dimension, seed=1), 4)[0]
    assert found.tolist() == [[0, 1, 2, 3]] * 7


@BOTH
def test_hits_come_nearest_first_with_their_cosines(build: BuildIndex) -> None:
    vectors = np.array([[0, 1], [1, 0], [0.6, 0.8], [-1, 0]], np.float32)
    found = hits(build, vectors, np.array([[1, 0], [0, 1]], np.float32), 2)
    assert [[row for row, _ in hit] for hit in found] == [[1, 2], [0, 2]]
    assert [[cosine for _, cosine in hit] for hit in found] == [pytest.approx([1.0, 0.6]), pytest.approx([1.0, 0.8])]


@BOTH
@pytest.mark.parametrize(
    ("size", "queries", "k"), [(3, 4, 9), (3, 4, 3), (1, 1, 5), (0, 4, 5), (3, 0, 5), (0, 0, 5), (3, 4, 0)]
)
def test_no_more_is_found_than_there_is(build: BuildIndex, size: int, queries: int, k: int) -> None:
    found = hits(build, random_units(size, 4), random_units(queries, 4, seed=1), k)
    assert all(sorted(row for row, _ in hit) == list(range(size)) for hit in found if k >= size)


@BOTH
def test_an_index_without_a_vector_takes_any_query(build: BuildIndex) -> None:
    assert build(np.zeros((0, 1), np.float32)).search(random_units(2, 384), 5)[0].shape == (2, 0)


def test_hnswlib_finds_nearly_all_that_exact_search_finds() -> None:
    vectors, queries = random_units(2000, 64), random_units(200, 64, seed=1)
    near, true = HnswNeighbours(vectors).search(queries, 20)[0], ExactNeighbours(vectors).search(queries, 20)[0]
    recall = np.mean([len(set(found) & set(wanted)) / 20 for found, wanted in zip(near, true, strict=True)])
    assert recall >= 0.99


def test_hnswlib_built_twice_answers_the_same() -> None:
    vectors, queries = random_units(1000, 64), random_units(50, 64, seed=1)
    first, second = (HnswNeighbours(vectors).search(queries, 20) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_hnswlib_orders_ties_by_lower_index() -> None:
    vectors = np.repeat(np.eye(4, dtype=np.float32), 5, axis=0)
    found = HnswNeighbours(vectors).search(np.eye(4, dtype=np.float32)[2:3], 20)[0][0].tolist()
    assert found == [*range(10, 15), *range(10), *range(15, 20)]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_hnswlib_refuses_a_vector_that_is_not_finite(bad: float) -> None:
    """Ten of 2,000 would take recall from 1.0 to below 0.2 without a word."""
    vectors = random_units(20, 8)
    vectors[13, 5] = bad
    with pytest.raises(ModelError, match="not finite"):
        HnswNeighbours(vectors)


def test_hnswlib_refuses_queries_of_another_dimension() -> None:
    with pytest.raises(ModelError, match=r"64 numbers.* 32"):
        HnswNeighbours(random_units(20, 64)).search(random_units(2, 32), 3)


@pytest.mark.parametrize(
    ("setting", "size", "kind"),
    [
        ("exact", 5, ExactNeighbours),
        ("hnswlib", 2, HnswNeighbours),
        ("auto", 4, ExactNeighbours),
        ("auto", 5, HnswNeighbours),
    ],
)
def test_the_setting_or_the_size_chooses_the_index(
    setting: str, size: int, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "EXACT_UP_TO", 4)
    assert isinstance(choose_index(setting)(random_units(size, 4)), kind)
