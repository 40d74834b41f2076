"""The pair scan against every pair in whole numbers, for any tile, number of threads and kind of vectors."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from tagflow.errors import ArtifactError
from tagflow.tagset import pair_scan, scan_codes
from tagflow.tagset.pair_scan import ScanIndex, iterate_pairs, join_pairs, scan_pairs
from tagflow_tests.byte_products import multiply_bytes


def unit(rows) -> np.ndarray:
    rows = np.asarray(rows, np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def draw(seed: int, n: int, d: int, spread: float = 1.0, rank: int | None = None) -> np.ndarray:
    """Return unit rows around a few centres, with exact doubles and zero rows among them."""
    random = np.random.default_rng(seed)
    rank = rank or d
    centres = random.normal(size=(max(n // 4, 1), rank))
    rows = centres[random.integers(0, len(centres), n)] + spread * random.normal(size=(n, rank))
    rows = rows @ random.normal(size=(rank, d))
    if n > 4:
        rows[random.integers(0, n, n // 5)] = rows[random.integers(0, n, n // 5)]
        rows[random.integers(0, n, n // 10)] = 0
    return unit(rows)


def list_exactly(vectors: np.ndarray, threshold: float) -> tuple[list[int], list[int], list[np.float32]]:
    """Every pair by whole numbers: components in units of 2**-26, their products summed without any rounding."""
    whole = [[round(Fraction(float(x)) * 2**26) for x in row] for row in vectors]
    found = []
    for j in range(len(whole)):
        for i in range(j):
            dot = sum(a * b for a, b in zip(whole[i], whole[j], strict=True))
            cosine = np.float32(dot / 2**52)
            if cosine >= np.float32(threshold):
                found.append((i, j, cosine))
    return tuple(map(list, zip(*found, strict=True))) if found else ([], [], [])


def check(vectors: np.ndarray, threshold: float, **asked) -> None:
    i, j, cosine = scan_pairs(vectors, threshold, **asked)
    assert (i.dtype, j.dtype, cosine.dtype) == (np.int64, np.int64, np.float32)
    assert (i.tolist(), j.tolist(), cosine.tolist()) == list_exactly(vectors, threshold)


THRESHOLDS = st.sampled_from([-1.0, -0.3, 0.0, 0.3, 0.5, 0.7, 0.8, 0.95, 1.0])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32), n=st.integers(0, 40), d=st.integers(1, 20), spread=st.sampled_from([0.01, 0.3, 1.0]),
    threshold=THRESHOLDS, tile=st.integers(1, 50), code=st.integers(2, 24),
)  # fmt: skip
def test_the_scan_gives_every_pair_and_its_exact_cosine(seed, n, d, spread, threshold, tile, code):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan_codes, "CODE", code)  # so that few components are enough to need a basis
        check(draw(seed, n, d, spread), threshold, tile=tile)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32), n=st.integers(0, 40), d=st.integers(1, 20), spread=st.sampled_from([0.01, 0.3, 1.0]),
    threshold=THRESHOLDS, tile=st.integers(1, 50), code=st.integers(2, 24), old=st.integers(0, 40),
)  # fmt: skip
def test_codes_in_bytes_lose_no_pair_also_where_later_vectors_go_beyond_their_steps(
    seed, n, d, spread, threshold, tile, code, old
):
    vectors = draw(seed, n, d, spread)
    asked = []

    def find_product(count):
        asked.append(count)
        return multiply_bytes

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair_scan, "WIDE", code)
        patch.setattr(scan_codes, "WIDE", code)
        index = ScanIndex(vectors[:old], find_product=find_product)
        before = join_pairs(index.iterate_pairs(threshold, tile=tile))
        index.add(vectors[old:])
        i, j, cosine = join_pairs([before, join_pairs(index.iterate_pairs(threshold, start=min(old, n), tile=tile))])
    assert (i.tolist(), j.tolist(), cosine.tolist()) == list_exactly(vectors, threshold)
    assert bool(asked) == (d > code)


def test_the_bound_of_codes_in_bytes_is_tight_enough_to_rule_most_pairs_out():
    vectors = draw(4, 500, 384, spread=0.8, rank=90)  # of which 96 components hold everything
    codes = scan_codes.IntegerCodes(vectors, 0, multiply_bytes)
    codes.add(vectors)
    reached = codes.may_reach(np.arange(500), 0, 500, np.float32(0.8))
    true = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    assert (true[reached] > 0.8 - 0.06).all()  # two errors of sqrt(96 / 12) steps of at most 0.5 / 127 each: 0.045
    assert reached[true >= 0.8].all()


@pytest.mark.parametrize("dense", [-1.0, 2.0])
@pytest.mark.parametrize("threshold", [-1.0, 0.0, 0.8])
def test_crowded_and_sparse_blocks_are_compared_alike(dense, threshold, monkeypatch):
    monkeypatch.setattr(pair_scan, "DENSE", dense)  # always the one way, or always the other
    monkeypatch.setattr(pair_scan, "BATCH", 7)
    check(draw(3, 30, 110), threshold, tile=8)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.lists(st.integers(-3, 3), min_size=2, max_size=2), min_size=2, max_size=12),
    tile=st.integers(1, 13),
)
def test_pairs_right_at_the_threshold_are_in(rows, tile):
    vectors = unit(rows)
    for cosine in set(list_exactly(vectors, -2.0)[2]):
        at = float(cosine)
        assert np.float32(at) in scan_pairs(vectors, at, tile=tile).cosine
        assert np.float32(at) not in scan_pairs(vectors, float(np.nextafter(cosine, np.float32(9))), tile=tile).cosine


def test_a_round_threshold_meets_a_cosine_that_float32_cannot_hold():
    vectors = np.array([[1, 0], [0.7, -(0.51**0.5)], [0.8, 0.6]], np.float32)  # float32 has 0.69999999 for 0.7
    assert scan_pairs(vectors, 0.7).j.tolist() == [1, 2]
    assert scan_pairs(vectors, 0.8).j.tolist() == [2]


def test_values_worked_out_by_hand():
    vectors = np.array([[1, 0], [0, 0], [0.6, 0.8], [1, 0], [-1, 0]], np.float32)
    at_half, at_zero = scan_pairs(vectors, 0.5), scan_pairs(vectors, 0.0)
    assert (at_half.i.tolist(), at_half.j.tolist()) == ([0, 0, 2], [2, 3, 3])
    assert at_half.cosine.tolist() == pytest.approx([0.6, 1.0, 0.6])
    assert list(zip(at_zero.i.tolist(), at_zero.j.tolist(), strict=True)) == [
        (0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3), (1, 4)
    ]  # fmt: skip


@pytest.mark.parametrize("rank", [5, 96, 384])
def test_the_result_is_the_same_whatever_the_tile_the_seed_and_the_threads(rank):
    vectors = draw(rank, 900, 384, spread=0.6, rank=rank)
    results = []
    for tile, seed, threads in [(64, 0, 1), (300, 1, 2), (512, 2, 2), (901, 3, 1), (4096, 4, 2)]:
        with threadpool_limits(threads):
            panels = ScanIndex(vectors, seed=seed).iterate_pairs(0.7, tile=tile)
            results.append(b"".join(part.tobytes() for part in join_pairs(panels)))
    assert len(results[0]) > 20 * 100
    assert set(results) == {results[0]}


def test_the_basis_of_a_few_rows_serves_all_the_others(monkeypatch):
    vectors = draw(8, 60, 130, spread=0.5)
    monkeypatch.setattr(scan_codes, "SAMPLE", 5)
    check(vectors, 0.7, tile=16)


def test_cosines_lie_close_to_those_of_the_unrounded_vectors():
    vectors = draw(5, 400, 384, spread=0.5)
    true = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    i, j, cosine = scan_pairs(vectors, 0.5)
    assert len(i) > 100
    assert np.abs(true[i, j] - cosine).max() < 1e-7
    assert len(i) == (np.triu(true, 1) >= 0.5).sum()


def test_panels_come_in_order_of_j_and_hold_all_their_columns():
    vectors = draw(6, 50, 12)
    panels = list(iterate_pairs(vectors, -1.0, tile=20))
    assert [(panel.j.min(), panel.j.max(), len(panel.j)) for panel in panels] == [
        (1, 19, 190), (20, 39, 590), (40, 49, 445)
    ]  # fmt: skip
    assert all(np.array_equal(np.lexsort((panel.i, panel.j)), np.arange(len(panel.j))) for panel in panels)


@pytest.mark.parametrize("d", [12, 130])
@pytest.mark.parametrize("old", [0, 1, 37, 60])
def test_vectors_added_later_bring_just_the_pairs_that_were_missing(d, old):
    vectors = draw(7, 60, d, spread=0.4)
    index = ScanIndex(vectors[:old])
    before = join_pairs(index.iterate_pairs(0.6, tile=16))
    index.add(vectors[old:])
    added = join_pairs(index.iterate_pairs(0.6, start=old, tile=16))
    assert len(index) == 60
    for grown, whole in zip(join_pairs([before, added]), scan_pairs(vectors, 0.6), strict=True):
        assert grown.tolist() == whole.tolist()


def test_the_scan_leaves_out_those_who_no_longer_lead():
    vectors = np.ones((6, 1), np.float32)
    leads = np.ones(6, bool)
    seen = []
    for panel in ScanIndex(vectors).iterate_pairs(0.8, tile=2, leads=leads):
        seen.append(list(zip(panel.i.tolist(), panel.j.tolist(), strict=True)))
        leads[panel.j] = False
    assert seen == [[(0, 1)], [(0, 2), (0, 3), (2, 3)], [(0, 4), (0, 5), (4, 5)]]


def test_single_pairs_are_compared_to_the_same_bits():
    vectors = draw(9, 80, 200)
    index = ScanIndex(vectors)
    i, j, cosine = join_pairs(index.iterate_pairs(-1.0))
    assert index.compare(j, i).tolist() == cosine.tolist()
    assert index.find_lowest(np.array([79, 3]), np.arange(0, 60, 2)).tolist() == [
        min(cosine[(i == other) & (j == 79)].item() for other in range(0, 60, 2)),
        min(cosine[(i == min(3, other)) & (j == max(3, other))].item() for other in range(0, 60, 2)),
    ]
    assert index.find_lowest(np.array([79]), np.array([], np.int64)).tolist() == [2.0]


@pytest.mark.parametrize("vectors", [np.empty((0, 384), np.float32), np.eye(1, 384, dtype=np.float32)])
def test_fewer_than_two_vectors_have_no_pairs(vectors):
    assert [part.tolist() for part in scan_pairs(vectors, 0.0)] == [[], [], []]


@pytest.mark.parametrize("bad", [[0.5, 0.0], [3.0, 0.0], [np.nan, 1.0], [np.inf, 0.0]])
def test_vectors_of_another_length_are_refused_by_row(bad):
    index = ScanIndex(np.array([[1, 0], [0, 1]], np.float32))
    with pytest.raises(ArtifactError, match=r"Row 3 .* has length"):
        index.add(np.array([[1, 0], bad], np.float32))
    with pytest.raises(ArtifactError, match=r"Row 0 .* has length"):
        ScanIndex(np.array([[*bad, *[0] * 128]], np.float32))
