"""What a language model's own numbers are worth: each expected value is a share of right pairs, counted by hand."""

import numpy as np
import polars as pl
import pytest

from tagflow.confidence.calibration import fit_curve, fit_line, squash
from tagflow.confidence.rungs import TOO_FEW, RungCalibration, find_log_odds, fit_rungs


def judge(*said: tuple[str, float, int, int]) -> pl.DataFrame:
    """Return pairs of a content each: rung, number, how many were so, and how many of them were right."""
    rows = [
        (rung, score, int(place < right))
        for rung, score, pairs, right in said
        for place in np.random.default_rng(7).permutation(pairs)
    ]
    frame = pl.DataFrame(rows, schema={"rung": pl.String, "score": pl.Float64, "right": pl.Int64}, orient="row")
    return frame.with_columns(content_id=pl.format("c{}", pl.int_range(pl.len())))


def test_a_judge_that_says_9_of_10_and_is_right_6_times_comes_out_at_6() -> None:
    fitted = fit_rungs(judge(("logprobs", 0.9, 200, 120)))
    assert fitted.rungs.select("rung", "pairs", "positives").row(0) == ("logprobs", 200, 120)
    assert fitted.rungs["said"].item() == pytest.approx(0.9)
    assert fitted.rungs["way"].item() != "none"
    calibrate = RungCalibration(fitted.rungs)
    assert calibrate(np.array([0.9]), ["logprobs"]) == pytest.approx([0.6], abs=0.005)
    assert fitted.pairs["confidence"].to_numpy() == pytest.approx(np.full(200, 0.6), abs=0.05)


def test_each_rung_has_a_calibration_of_its_own_and_keeps_the_order_of_its_numbers() -> None:
    said = [("agreement", 0.2, 200, 20), ("agreement", 0.6, 200, 60), ("agreement", 1.0, 200, 140)]
    fitted = fit_rungs(judge(*said, ("logprobs", 0.5, 100, 90)))
    calibrate = RungCalibration(fitted.rungs)
    three = calibrate(np.array([0.2, 0.6, 1.0]), ["agreement"] * 3)
    assert three == pytest.approx([0.1, 0.3, 0.7], abs=0.06)
    assert (np.diff(three) > 0).all()
    assert calibrate.rungs == {"agreement"}, "ten wrong pairs of the other are too few"
    assert dict(fitted.rungs.select("rung", "way").rows())["logprobs"] == TOO_FEW
    assert calibrate(np.array([0.5, np.nan, 0.5]), ["logprobs", "agreement", None])[[0, 2]].tolist() == [0.5, 0.5]
    assert np.isnan(calibrate(np.array([np.nan]), ["agreement"])).all()


def test_a_judge_that_holds_already_is_left_as_it_is() -> None:
    fitted = fit_rungs(judge(("verbal", 0.3, 1000, 300), ("verbal", 0.8, 1000, 800)))
    calibrate = RungCalibration(fitted.rungs)
    assert calibrate(np.array([0.3, 0.8]), ["verbal"] * 2) == pytest.approx([0.3, 0.8], abs=0.01)


def test_a_judge_whose_numbers_say_nothing_gives_the_share_of_right_pairs() -> None:
    """Its line would fall or lie flat; it rises a little all the same, and its mean is right."""
    pairs = judge(("verbal", 0.9, 100, 30), ("verbal", 0.1, 100, 40))
    logit, right = find_log_odds(pairs["score"].to_numpy()), pairs["right"].to_numpy()
    line = fit_line(logit, right)
    slope = np.diff(line.levels) / np.diff(line.knots)
    assert slope.item() == pytest.approx(0.05)
    said = squash(np.interp(logit, line.knots, line.levels))
    assert said.mean() == pytest.approx(70 / 200)


def test_equal_numbers_share_a_bin_whatever_their_order() -> None:
    logit = np.repeat([-1.0, 1.0], 300)
    right = np.concatenate([np.repeat([1, 0], [60, 240]), np.repeat([0, 1], [60, 240])])
    curve = fit_curve(logit, right)
    assert curve.knots.tolist() == [-1.0, 1.0]
    expected = [(60 + squash(-1.0)) / 301, (240 + squash(1.0)) / 301]
    assert squash(curve.levels) == pytest.approx(np.array(expected, float))


def test_nothing_judged_is_nothing_calibrated() -> None:
    fitted = fit_rungs(judge())
    assert fitted.rungs.is_empty()
    assert fitted.pairs.is_empty()
    assert RungCalibration(fitted.rungs).rungs == frozenset()
