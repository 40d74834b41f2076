"""One tag or none: the shares of competing candidates, worked out by hand, and a planted model that is found again."""

import math

import numpy as np
import polars as pl
import pytest

from tagflow.confidence.choice import SURE, compete, fit_choice
from tagflow.confidence.model import fit_confidence, judge_pairs
from tagflow_tests.confidence.test_model import PLANTED, plant


def odds(share: float) -> float:
    """Return the log-odds of a share."""
    return math.log(share / (1 - share))


def test_candidates_share_one_answer_with_none() -> None:
    """Scores 0, 0 beside none's 0 have a third each; log 3 alone has 3 / (1 + 3); contents may stand mixed."""
    said = compete(np.array([0.0, math.log(3), 0.0]), np.array([7, 2, 7]))
    assert said == pytest.approx([odds(1 / 3), odds(3 / 4), odds(1 / 3)])


def test_what_is_beyond_doubt_stays_finite() -> None:
    assert compete(np.array([800.0, -800.0]), np.array([1, 1])) == pytest.approx([SURE, -SURE])
    assert compete(np.array([]), np.array([], dtype=np.int64)).shape == (0,)


def test_without_features_the_bias_says_how_often_one_is_right() -> None:
    """Three of four contents have a right one among their two candidates: 2 e^b / (1 + 2 e^b) = 3/4, so e^b = 3/2."""
    right = np.array([1, 0, 0, 1, 1, 0, 0, 0])
    found = fit_choice(np.zeros((8, 1)), right, np.arange(8) // 2)
    assert found == pytest.approx([0.0, math.log(1.5)], abs=1e-4)


def choose(contents: int, pairs: int) -> pl.DataFrame:
    """Return samples in which each content has one right candidate or none, drawn by the planted weights."""
    samples = plant(contents, pairs)
    random = np.random.default_rng(11)
    score = sum(weight * samples[feature].to_numpy() for feature, weight in PLANTED.items()).reshape(contents, pairs)
    share = np.exp(score) / (1 + np.exp(score).sum(axis=1, keepdims=True))
    drawn = (random.random((contents, 1)) < share.cumsum(axis=1)).argmax(axis=1)
    some = random.random(contents) < share.sum(axis=1)  # an independent draw of whether any is right
    right = np.zeros((contents, pairs), bool)
    right[np.arange(contents), drawn] = some
    return samples.with_columns(right=pl.Series(right.ravel()))


def test_planted_weights_are_found_and_probabilities_of_a_content_stay_below_one() -> None:
    samples = choose(1500, 6)
    model = fit_confidence(samples, single=True)["confidence_model"]
    terms = model.filter((pl.col("head") == "annotated") & pl.col("feature").is_in(list(PLANTED)))
    for feature, weight in terms.select("feature", "coefficient").iter_rows():
        assert math.copysign(1, weight) == math.copysign(1, PLANTED[feature])
        assert abs(weight) > 0.4 * abs(PLANTED[feature])
    judged = samples.with_columns(confidence=pl.Series(judge_pairs(model, samples)))
    top = judged.group_by("content_id").agg(pl.col("confidence").sum())["confidence"]
    assert float(top.mean()) == pytest.approx(float(samples["right"].sum()) / 1500, abs=0.05)


def test_a_rival_that_grows_takes_from_the_others() -> None:
    model = fit_confidence(choose(300, 4), single=True)["confidence_model"]
    pairs = choose(300, 4).head(4).with_columns(content_id=pl.lit("one"))
    grown = pairs.with_columns(human=pl.Series([9.0, *pairs["human"].to_list()[1:]]))
    before, after = judge_pairs(model, pairs), judge_pairs(model, grown)
    assert after[0] > before[0]
    assert (after[1:] < before[1:]).all()
