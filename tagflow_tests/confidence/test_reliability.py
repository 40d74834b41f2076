"""Reliability, calibration error and Brier score, by hand."""

import numpy as np
import pytest

from tagflow.confidence.reliability import (
    BINS,
    BORDERS,
    FEWEST,
    bin_record,
    bin_reliability,
    brier_score,
    expected_calibration_error,
)

CONFIDENCE = np.arange(1, 31) / 100  # 0.01 ... 0.30: two a bin
RIGHT = np.array([0] * 10 + [0, 1] * 5 + [1] * 10)


def test_bins_hold_equally_many_pairs_from_low_to_high() -> None:
    table = bin_reliability(CONFIDENCE, RIGHT, "annotated")
    assert table["bin"].to_list() == list(range(1, BINS + 1))
    assert table["pairs"].to_list() == [2] * 15
    assert table["confidence"].to_list() == pytest.approx([0.015 + 0.02 * number for number in range(15)])
    assert table["precision"].to_list() == [0.0] * 5 + [0.5] * 5 + [1.0] * 5
    assert set(table["head"]) == {"annotated"}


def test_the_order_of_the_pairs_does_not_matter() -> None:
    shuffled = np.random.default_rng(1).permutation(30)
    table = bin_reliability(CONFIDENCE[shuffled], RIGHT[shuffled], "h")
    assert table.equals(bin_reliability(CONFIDENCE, RIGHT, "h"))


def test_the_pairs_that_do_not_divide_go_one_a_bin() -> None:
    confidence = np.linspace(0, 1, 47)
    assert bin_reliability(confidence, np.ones(47, np.int64), "h")["pairs"].to_list() == [4, 4, *[3] * 13]


@pytest.mark.parametrize("pairs", [0, 1, 3])
def test_fewer_pairs_than_bins_have_a_bin_each(pairs: int) -> None:
    table = bin_reliability(CONFIDENCE[:pairs], RIGHT[:pairs], "h")
    assert table["pairs"].to_list() == [1] * pairs


def test_the_calibration_error_is_the_mean_gap_weighted_by_pairs() -> None:
    """16 pairs make a bin of two and 14 of one.

    The first bin holds 0.0 (wrong) and 0.1 (right): confidence 0.05, precision 0.5, gap 0.45, twice. The others hold
    0.9 and are right: gap 0.1, 14 times. (0.9 + 1.4) / 16 = 0.14375.
    """
    confidence = np.array([0.9] * 7 + [0.0, 0.1] + [0.9] * 7)
    right = np.array([1] * 7 + [0, 1] + [1] * 7)
    assert expected_calibration_error(bin_reliability(confidence, right, "h")) == pytest.approx(0.14375)


def test_right_confidences_have_no_calibration_error() -> None:
    confidence, right = np.array([0.0] * 15 + [1.0] * 15), np.array([0] * 15 + [1] * 15)
    assert expected_calibration_error(bin_reliability(confidence, right, "h")) == 0.0


def test_no_pairs_have_no_calibration_error() -> None:
    assert expected_calibration_error(bin_reliability(CONFIDENCE[:0], RIGHT[:0], "h")) is None


def test_the_brier_score_is_the_mean_squared_gap() -> None:
    """0.2, 0.4 and 0.5 squared are 0.04, 0.16 and 0.25."""
    assert brier_score(np.array([0.8, 0.4, 0.5]), np.array([1, 0, 1])) == pytest.approx(0.15)


def test_the_record_counts_cases_between_fixed_borders() -> None:
    """60 pairs at 0.42, half of them right, and 50 at 0.98, all right; empty bins between them join the one below."""
    confidence = np.r_[np.full(60, 0.42), np.full(50, 0.98)]
    right = np.r_[np.tile([0, 1], 30), np.ones(50, np.int64)]
    table = bin_record(confidence, right, "annotated")
    assert table.select("bin", "low", "high", "pairs").rows() == [(1, 0.0, 0.97, 60), (2, 0.97, 1.0, 50)]
    assert table["confidence"].to_list() == pytest.approx([0.42, 0.98])
    assert table["precision"].to_list() == pytest.approx([0.5, 1.0])


def test_a_bin_of_few_pairs_is_joined_to_the_next_lower_one_and_the_rest_to_the_lowest() -> None:
    """20 at 0.98 and 40 at 0.91 make one bin from 0.9; 30 at 0.005 are too few for one and join it."""
    confidence = np.r_[np.full(30, 0.005), np.full(40, 0.91), np.full(20, 0.98)]
    table = bin_record(confidence, np.ones(90, np.int64), "h")
    assert table.select("low", "high", "pairs").rows() == [(0.0, 1.0, 90)]


def test_every_pair_is_in_the_record_once_and_its_borders_touch() -> None:
    confidence = np.linspace(0, 1, 5000)
    table = bin_record(confidence, np.zeros(5000, np.int64), "h")
    assert table["pairs"].sum() == 5000
    assert table["low"][1:].to_list() == table["high"][:-1].to_list()
    assert (table["low"][0], table["high"][-1], len(table)) == (0.0, 1.0, len(BORDERS) - 1)
    assert table["pairs"].min() >= FEWEST


def test_no_pairs_have_no_record() -> None:
    assert bin_record(CONFIDENCE[:0], RIGHT[:0], "h").is_empty()
