"""Calibration: the curve's arithmetic, and that it mends what was bent without touching the order."""

import numpy as np
import polars as pl
import pytest

from tagflow.confidence.calibration import (
    NO_CURVE,
    Curve,
    assign_folds,
    calibrate,
    choose_way,
    cross_calibrate,
    fit_curve,
    fit_way,
    squash,
)

CURVE = Curve(np.array([0.0, 2.0]), np.array([1.0, 2.0]))


def draw(factor: float, pairs: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Return sums, and answers as if each sum were ``factor`` times as large."""
    random = np.random.default_rng(11)
    logit = random.normal(-1, 2, pairs)
    return logit, (random.random(pairs) < squash(factor * logit)).astype(np.int64)


@pytest.mark.parametrize(("logit", "level"), [(0.0, 1.0), (1.0, 1.5), (2.0, 2.0), (3.5, 3.5), (-2.0, -1.0)])
def test_a_sum_stands_on_the_line_between_its_knots_and_beyond_them_rises_as_before(logit: float, level: float) -> None:
    assert calibrate(np.array([logit]), CURVE) == pytest.approx([level])


def test_without_a_curve_the_sum_itself_is_the_log_odds() -> None:
    assert calibrate(np.array([-3.0, 0.5]), NO_CURVE).tolist() == [-3.0, 0.5]
    assert squash(np.array([0.0, -1000.0])).tolist() == pytest.approx([0.5, 0.0])


@pytest.mark.parametrize("way", ["line", "curve"])
@pytest.mark.parametrize("factor", [0.4, 1.0, 1.8])
def test_sums_that_say_too_much_or_too_little_are_mended(factor: float, way: str) -> None:
    logit, right = draw(factor)
    curve = fit_way(logit, right, way)
    asked = np.array([-3.0, -1.0, 0.0, 1.0, 2.0])
    assert squash(calibrate(asked, curve)) == pytest.approx(squash(factor * asked), abs=0.07)


def test_the_way_is_chosen_by_what_holds_on_other_contents() -> None:
    """Sums that hold need no curve, sums stretched by one factor a line, and sums bent at 0 more than a line."""
    logit, stretched = draw(0.4)
    fold = np.arange(len(logit)) % 5
    assert choose_way(logit, stretched, fold) == "line"
    random = np.random.default_rng(4)
    bent = (random.random(len(logit)) < squash(np.where(logit > 0, 0.0, logit * 2))).astype(np.int64)
    assert choose_way(logit, bent, fold) == "curve"
    assert choose_way(logit[:40], np.ones(40, np.int64), fold[:40]) == "none"


def test_the_order_of_any_two_sums_stays() -> None:
    """Answers drawn at random give one flat level, which would tie everything."""
    random = np.random.default_rng(2)
    logit = np.sort(random.normal(size=3000))
    levels = calibrate(logit, fit_curve(logit, (random.random(3000) < 0.4).astype(np.int64)))
    assert (np.diff(levels) > 0).all()


@pytest.mark.parametrize("right", [np.zeros(500, np.int64), np.ones(500, np.int64), np.r_[np.ones(59), np.zeros(441)]])
def test_too_few_right_or_wrong_pairs_give_no_curve(right: np.ndarray) -> None:
    """Two bins need 60 of each kind."""
    assert len(fit_curve(np.linspace(-3, 3, 500), right.astype(np.int64)).knots) == 0


def test_a_pair_is_calibrated_by_the_other_folds_only() -> None:
    """In fold 0 every answer is turned round: its own answers must not show in its confidence."""
    logit, right = draw(1.0, 4000)
    fold = np.arange(4000) % 4
    turned = np.where(fold == 0, 1 - right, right)
    told, again = (cross_calibrate(logit, answers, fold, "curve") for answers in (right, turned))
    assert (told[fold == 0] == again[fold == 0]).all()
    assert not np.allclose(told[fold == 1], again[fold == 1])


def test_the_pairs_of_a_content_lie_in_one_fold_and_the_folds_are_even() -> None:
    contents = pl.Series([f"c{number}" for number in range(100) for _ in range(3)])
    fold = assign_folds(contents, 5, seed=1)
    assert pl.DataFrame({"c": contents, "f": fold}).group_by("c").n_unique()["f"].unique().to_list() == [1]
    assert np.bincount(fold).tolist() == [60] * 5
    assert (assign_folds(contents, 5, seed=1) == fold).all()
    assert len(assign_folds(contents.clear(), 5, seed=1)) == 0
