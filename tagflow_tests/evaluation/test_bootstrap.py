"""The ratio and its interval over resampled contents."""

import numpy as np
import pytest

from tagflow.evaluation.bootstrap import bootstrap_differences, bootstrap_ratio, bootstrap_ratios

ONES = np.ones(100)


def test_the_ratio_is_of_the_sums() -> None:
    """(1 + 2) / (2 + 2), not the mean of 1/2 and 2/2 weighted alike: (3 + 1) / (6 + 1) differs from (1/2 + 1) / 2."""
    assert bootstrap_ratio(np.array([1.0, 2.0]), np.array([2.0, 2.0]))[0] == 0.75
    assert bootstrap_ratio(np.array([3.0, 1.0]), np.array([6.0, 1.0]))[0] == pytest.approx(4 / 7)


@pytest.mark.parametrize("right", [1, 20, 50, 99])
def test_the_interval_is_that_of_a_share(right: int) -> None:
    """The share of 100 has a standard error of sqrt(p (1 - p) / 100); 95 % lie within about 1.96 of them."""
    value, low, high = bootstrap_ratio((np.arange(100) < right).astype(float), ONES)
    assert value == pytest.approx(right / 100)
    assert 0 <= low <= value <= high <= 1
    error = np.sqrt(value * (1 - value) / 100)
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.3)


def test_the_same_contents_have_the_same_interval() -> None:
    numerator = np.random.default_rng(0).random(50)
    assert bootstrap_ratio(numerator, np.ones(50)) == bootstrap_ratio(numerator.copy(), np.ones(50))


@pytest.mark.parametrize("contents", [1, 7])
def test_contents_that_agree_leave_no_doubt(contents: int) -> None:
    assert bootstrap_ratio(np.full(contents, 0.5), np.ones(contents)) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("contents", [0, 3])
def test_a_ratio_to_nothing_is_no_value(contents: int) -> None:
    assert bootstrap_ratio(np.zeros(contents), np.zeros(contents)) == (None, None, None)


def test_draws_without_a_denominator_are_left_out() -> None:
    """Only one content of three answers, rightly: any draw that has it says 1."""
    assert bootstrap_ratio(np.array([1.0, 0.0, 0.0]), np.array([1.0, 0.0, 0.0])) == (1.0, 1.0, 1.0)


def test_columns_are_drawn_together_and_are_what_each_is_alone() -> None:
    above, below = np.random.default_rng(1).random((40, 3)), np.ones((40, 3))
    together = bootstrap_ratios(above, below)
    for column, interval in enumerate(together):
        assert interval == pytest.approx(bootstrap_ratio(above[:, column].copy(), np.ones(40)))


def test_a_method_does_not_differ_from_itself() -> None:
    above, below = np.random.default_rng(2).random((40, 2)), np.ones((40, 2))
    assert bootstrap_differences((above, below), (above, below)) == [(0.0, 0.0, 0.0)] * 2


def test_the_difference_has_the_error_of_the_paired_differences() -> None:
    """One method is better by 0.2 or 0.4 on each content: mean .3, standard error .1 / sqrt(400) = .005."""
    base = np.random.default_rng(3).random((400, 1))
    gain = np.where(np.arange(400) % 2, 0.2, 0.4)[:, None]
    ((value, low, high),) = bootstrap_differences((base + gain, np.ones((400, 1))), (base, np.ones((400, 1))))
    assert value == pytest.approx(0.3)
    assert (low, high) == pytest.approx((0.3 - 1.96 * 0.005, 0.3 + 1.96 * 0.005), abs=0.002)


def test_a_difference_from_nothing_is_no_value() -> None:
    ones, none = (np.ones((4, 1)), np.ones((4, 1))), (np.zeros((4, 1)), np.zeros((4, 1)))
    assert bootstrap_differences(ones, none) == [(None, None, None)]
