"""The ratio and its interval over resampled contents."""

import numpy as np
import pytest

from tagflow.evaluation.bootstrap import bootstrap_ratio

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
