"""Nearest neighbours: exact search is brute force, ties included; hnswlib comes close and is the same twice."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tagflow.adapters import exact_neighbours, neighbours, score_scans
from tagflow.adapters.exact_neighbours import ExactNeighbours, Way
from tagflow.adapters.hnswlib_neighbours import HnswNeighbours
from tagflow.adapters.neighbours import choose_index
from tagflow.adapters.score_scans import HalfScan, IntegerScan, SingleScan
from tagflow.errors import ModelError
from tagflow.graph.insertion import BuildIndex
from tagflow.ports import Vectors
from tagflow_tests.byte_products import multiply_bytes

WAYS: list[Way] = ["float32", "bfloat16", "integer"]
EXACT = [partial(ExactNeighbours, way=way) for way in WAYS]
PRECISIONS = pytest.mark.parametrize("build", EXACT, ids=WAYS)
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


@PRECISIONS
@settings(deadline=None)  # the first imports torch
@given(vectors=ROWS, queries=ROWS, k=st.integers(1, 15))
def test_exact_search_is_brute_force_with_ties_by_lower_index(
    build: BuildIndex, vectors: Vectors, queries: Vectors, k: int
) -> None:
    """Products of axes are -1, 0 or 1 without rounding, and most of them are ties."""
    assert hits(build, vectors, queries, k) == search_by_hand(vectors, queries, k)


@PRECISIONS
@pytest.mark.parametrize("size", [5, 64, 100, 300, 513])
@pytest.mark.parametrize("k", [1, 7])
def test_exact_search_is_brute_force_over_many_blocks_and_tiles(
    build: BuildIndex, size: int, k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With and without groups, with a short last group, with more near pairs than are looked at together."""
    monkeypatch.setattr(exact_neighbours, "CELLS", size * 64)
    monkeypatch.setattr(exact_neighbours, "PAIRS", 100)
    monkeypatch.setattr(exact_neighbours, "GATHERED", 16)
    monkeypatch.setattr(score_scans, "TILE", 64)
    vectors, queries = random_units(size, 8), random_units(333, 8, seed=1)
    found = build(vectors).search(queries, k)[0]
    np.testing.assert_array_equal(found, np.argsort(-(queries @ vectors.T), axis=1)[:, :k])


@PRECISIONS
@pytest.mark.parametrize("copies", [5, 9, 64])
@pytest.mark.parametrize("dimension", [64, 384])
def test_copies_of_one_vector_are_ties(build: BuildIndex, copies: int, dimension: int) -> None:
    """Contents with the same text have the same vector; the product of each must not depend on where it stands."""
    vectors = np.repeat(random_units(1, dimension), copies, axis=0)
    found = build(vectors).search(random_units(7, dimension, seed=1), 4)[0]
    assert found.tolist() == [[0, 1, 2, 3]] * 7


def crowd(count: int, seed: int) -> Vectors:
    """Return unit vectors within a few thousandths of each other, which half precision cannot tell apart."""
    rows = random_units(1, 96) + random_units(count, 96, seed) * np.float32(0.05)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_each_way_finds_the_same_to_the_last_digit() -> None:
    vectors, queries = crowd(2000, seed=1), crowd(50, seed=2)
    found = [build(vectors).search(queries, 10) for build in EXACT]
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


def test_a_neighbour_that_half_precision_cannot_tell_from_others_is_found() -> None:
    """Above 1 the next number of bfloat16 is 1 + 1/128; all of these become 1, and the last is the nearest."""
    vectors = np.array([[1], [1.001], [1.002], [1.003]], np.float32)
    assert ExactNeighbours(vectors, "bfloat16").search(np.ones((1, 1), np.float32), 2)[0].tolist() == [[3, 2]]


def test_the_error_bound_is_what_a_half_way_number_is_off() -> None:
    """1 + 1/256 becomes 1: moved by m = 1/256. The square is off by 2m + m², and bounded by (1 + 3m)m + (1 + m)m."""
    number, moved = np.array([[1 + 1 / 256]], np.float32), 1 / 256
    scan = HalfScan(number)
    estimate, _ = scan.estimate(number, 1, scan.make_room(1))
    zero = np.zeros((1, 1), np.int64)
    assert scan.read(estimate, zero, zero)[0, 0] == 1
    bound = float(scan.bound_error(number)[0])
    assert 2 * moved + moved**2 <= (1 + 2 * moved) * moved + (1 + moved) * moved <= bound
    assert bound == pytest.approx((1 + 2 * moved) * moved + (1 + moved) * moved, abs=1e-5)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1e-3, 1.0, 300.0]))
def test_no_estimate_is_further_off_than_its_bound(seed: int, scale: float) -> None:
    vectors, queries = random_units(40, 96, seed) * np.float32(scale), random_units(5, 96, seed // 2)
    vectors[30:] *= 3  # beyond the steps that the first ones set
    true = vectors.astype(np.float64) @ queries.astype(np.float64).T
    at: tuple[NDArray[np.int64], NDArray[np.int64]] = tuple(np.indices(true.shape))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(score_scans, "TILE", 16)
        for scan in (SingleScan(vectors), HalfScan(vectors), IntegerScan(vectors, multiply_bytes)):
            read = scan.read(scan.estimate(queries, 4, scan.make_room(200))[0], *at)
            assert (np.abs(read - true) <= scan.bound_error(queries) + scan.rounding * np.abs(read)).all()


@PRECISIONS
def test_a_cosine_does_not_depend_on_what_else_is_searched(build: BuildIndex) -> None:
    vectors, queries = random_units(500, 384), random_units(100, 384, seed=1)
    indices, cosines = build(vectors).search(queries, 5)
    for row in (0, 17, 99):
        alone = build(vectors).search(queries[row : row + 1], 5)
        assert (alone[0][0].tolist(), alone[1][0].tolist()) == (indices[row].tolist(), cosines[row].tolist())
        among = build(vectors[indices[row, :1]]).search(queries[row : row + 1], 1)[1]
        assert among[0, 0] == cosines[row, 0]


@PRECISIONS
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_exact_search_refuses_what_is_not_finite(build: BuildIndex, bad: float) -> None:
    spoilt = random_units(20, 8)
    spoilt[13, 5] = bad
    with pytest.raises(ModelError, match="not finite"):
        build(spoilt).search(random_units(2, 8), 3)
    with pytest.raises(ModelError, match="not finite"):
        build(random_units(20, 8)).search(spoilt, 3)


def estimate_in(monkeypatch: pytest.MonkeyPatch, native: bool, bytewise: bool = False) -> list[Way]:
    """Return how a search in two rows of two estimates, on such a processor."""
    monkeypatch.setattr(exact_neighbours, "computes_bfloat16", lambda: native)
    monkeypatch.setattr(exact_neighbours, "load_product", lambda: multiply_bytes if bytewise else None)
    index = ExactNeighbours(np.eye(2, dtype=np.float32))
    index.search(np.eye(2, dtype=np.float32), 1)
    return list(index._scans)


def test_a_faster_way_is_used_where_it_is_native_and_the_search_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two queries times two vectors of two numbers are eight multiplications."""
    assert estimate_in(monkeypatch, native=True, bytewise=True) == ["float32"]
    for limit in ("WORTH", "LARGE"):
        monkeypatch.setattr(exact_neighbours, limit, 8)
    assert estimate_in(monkeypatch, native=True) == ["bfloat16"]
    assert estimate_in(monkeypatch, native=False) == ["float32"]
    assert estimate_in(monkeypatch, native=True, bytewise=True) == ["integer"]


def test_torch_is_not_imported_for_a_search_that_does_not_earn_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact_neighbours, "WORTH", 8)
    monkeypatch.setattr(exact_neighbours, "sys", type("Bare", (), {"modules": {}}))
    assert estimate_in(monkeypatch, native=True, bytewise=True) == ["float32"]


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


class Misled(HnswNeighbours):
    """Finds the first vector, whatever is sought."""

    def _search(self, queries: Vectors, k: int) -> tuple[NDArray[np.int64], Vectors]:
        return np.zeros((len(queries), 1), np.int64), queries[:, :1].copy()


def test_hnswlib_tells_its_recall_once() -> None:
    """Of four axes the first vector is nearest to one."""
    lines: list[str] = []
    index = Misled(np.eye(4, dtype=np.float32), lines.append)
    assert index.recall is None
    index.search(np.eye(4, dtype=np.float32), 1)
    index.search(np.eye(4, dtype=np.float32), 1)
    assert index.recall == 0.25
    assert lines == ["hnswlib finds 25.0% of the 1 nearest of 4 vectors (compared with exact search on 4 queries)"]


def test_hnswlib_loses_no_recall_by_another_of_equally_near_vectors() -> None:
    index = HnswNeighbours(np.repeat(np.eye(2, dtype=np.float32), 50, axis=0))
    index.search(np.eye(2, dtype=np.float32), 3)
    assert index.recall == 1


def test_the_chosen_index_tells_its_recall() -> None:
    lines: list[str] = []
    choose_index("hnswlib", lines.append)(random_units(9, 4)).search(random_units(1, 4, seed=1), 2)
    assert lines == ["hnswlib finds 100.0% of the 2 nearest of 9 vectors (compared with exact search on 1 queries)"]


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
