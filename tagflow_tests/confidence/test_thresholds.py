"""Thresholds for a target precision: where they lie by hand, that few data move them up, that they hold elsewhere."""

import numpy as np
import polars as pl
import pytest

from tagflow.confidence.ranking import rank_tags
from tagflow.confidence.thresholds import (
    NEVER,
    TARGETS,
    find_bands,
    find_threshold,
    fit_thresholds,
    measure_interval,
    set_bands,
)
from tagflow.settings import DatasetSettings, TaggingSettings
from tagflow_tests.frames import make_table
from tagflow_tests.worlds import scored


def fit(
    *blocks: tuple[float, int, int], of_content: int = 1, shown: int = 10, target: float | None = None
) -> dict[float, tuple[float | None, int]]:
    """Return target to threshold and pairs, for blocks of (confidence, pairs, right ones), each on contents of its own.

    With ``of_content`` pairs a content, all pairs of a content are right or all wrong.
    """
    confidence, right = [], []
    for value, pairs, rights in blocks:
        confidence += [value] * pairs
        right += [1] * rights + [0] * (pairs - rights)
    ids = pl.Series([f"c{number // of_content}" for number in range(len(right))])
    table = fit_thresholds(ids, np.array(confidence), np.array(right), shown, target)
    return {row["target"]: (row["threshold"], row["pairs"]) for row in table.to_dicts()}


@pytest.mark.parametrize(
    ("right", "pairs", "low", "high"),
    [(90, 100, 0.8256, 0.9448), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (0, 0, 0.0, 1.0)],
)
def test_wilsons_interval(right: int, pairs: int, low: float, high: float) -> None:
    """Of 90 in 100: (0.9 + 0.0192 ± 1.96 * sqrt(0.0009 + 0.000096)) / 1.0384."""
    assert measure_interval(right, pairs) == pytest.approx((low, high), abs=2e-4)


def test_the_threshold_is_the_lowest_one_whose_lower_bound_reaches_the_target() -> None:
    """The upper 100 are all right: bound 0.963. With the next 100, of 200 190 are right: 0.910. With all, 220 of 300.

    220 of 300: 0.733, bound 0.681.
    """
    found = fit((0.9, 100, 100), (0.7, 100, 90), (0.3, 100, 30))
    assert found[0.95] == (0.9, 100)
    assert found[0.9] == (0.7, 200)
    assert found[0.7] == (0.7, 200)
    assert found[0.65] == (0.3, 300)


def test_a_share_that_only_just_reaches_the_target_is_not_safe_enough() -> None:
    assert fit((0.9, 1000, 900))[0.9] == (None, 0)
    assert fit((0.9, 1000, 925))[0.9] == (0.9, 1000)  # bound 0.907


def test_few_pairs_reach_nothing() -> None:
    """20 of 20 right: bound 20 / (20 + 3.84) = 0.839."""
    found = fit((0.99, 20, 20))
    assert found[0.8] == (0.99, 20)
    assert found[0.85] == (None, 0)
    assert fit() == dict.fromkeys(TARGETS, (None, 0))


def test_pairs_that_are_right_and_wrong_together_count_as_fewer() -> None:
    """460 of 500 pairs are right, bound 0.893. Of 100 contents with five pairs each 92 are: 92 of 100, bound 0.850."""
    assert fit((0.9, 500, 460))[0.85] == (0.9, 500)
    assert fit((0.9, 500, 465))[0.9] == (0.9, 500)  # bound 0.904
    together = fit((0.9, 500, 465), of_content=5)  # 93 of 100, bound 0.863
    assert together[0.9] == (None, 0)
    assert together[0.85] == (0.9, 500)


def test_only_the_tags_that_a_content_would_get_count() -> None:
    """Each content has a right tag at 0.9 and a wrong one at 0.8: with one tag a content all are right."""
    ids = pl.Series([f"c{number // 2}" for number in range(400)])
    confidence, right = np.tile([0.9, 0.8], 200), np.tile([1, 0], 200)
    (one,) = fit_thresholds(ids, confidence, right, 1).filter(pl.col("target") == 0.95).to_dicts()
    assert one == {"target": 0.95, "threshold": 0.9, "coverage": 1.0, "precision": 1.0, "pairs": 200}
    (two,) = fit_thresholds(ids, confidence, right, 2).filter(pl.col("target") == 0.5).to_dicts()
    assert (two["threshold"], two["pairs"]) == (0.9, 200)


def test_coverage_is_the_share_of_contents_that_keep_a_tag() -> None:
    ids = pl.Series([f"c{number}" for number in range(400)])
    confidence, right = np.repeat([0.9, 0.2], 200), np.repeat([1, 0], 200)
    table = fit_thresholds(ids, confidence, right, 10)
    assert table.filter(pl.col("target") == 0.9)["coverage"].item() == 0.5


def test_a_target_of_the_datasets_own_is_fitted_too_and_a_missing_one_takes_the_next_higher() -> None:
    assert set(fit((0.9, 100, 100), target=0.93)) == {*TARGETS, 0.93}
    table = make_table(
        "confidence_model",
        [{"target": 0.8, "threshold": 0.4}, {"target": 0.9, "threshold": 0.7}, {"target": 0.95}],
        "thresholds",
        pairs=1,
    )
    assert [find_threshold(table, target) for target in (0.8, 0.85, 0.9, 0.93, 0.99)] == [0.4, 0.7, 0.7, None, None]


def test_the_band_begins_at_the_threshold_or_is_empty_but_for_what_people_decided() -> None:
    table = make_table("confidence_model", [{"target": 0.9, "threshold": 0.7}], "thresholds", pairs=1)
    pairs = scored(("c", "soup", 0.8), ("c", "vegan", 0.6)).vstack(
        scored(("c", "rome", 1.0)).with_columns(path=pl.lit("reviewed"))
    )

    def bands(settings: DatasetSettings) -> dict[str, str]:
        tagged = rank_tags(pairs, settings, model="m", version="v")
        return dict(tagged.select("tag", "band").iter_rows())

    asked = DatasetSettings(tagging=TaggingSettings(target_precision=0.9))
    assert set_bands(DatasetSettings(), table) == DatasetSettings()
    assert bands(set_bands(asked, table)) == {"rome": "apply", "soup": "apply", "vegan": "review"}
    assert set_bands(asked, table.clear()).tagging.apply_at == NEVER
    assert bands(set_bands(asked, table.clear())) == {"rome": "apply", "soup": "review", "vegan": "review"}


def test_stored_tags_are_read_with_the_threshold_they_were_cut_by_and_mere_scores_with_none() -> None:
    table = make_table("confidence_model", [{"target": 0.9, "threshold": 0.7}], "thresholds", pairs=1)
    asked = DatasetSettings(tagging=TaggingSettings(target_precision=0.9))
    tagged = rank_tags(scored(("c", "soup", 0.8)), asked, model="llm4tag/embedded", version="v")
    prior = tagged.with_columns(model=pl.lit("llm4tag/embedded, uncalibrated"))
    assert find_bands(asked, table, tagged).tagging.apply_at == 0.7
    assert find_bands(asked, table, prior).tagging.apply_at == NEVER
    assert find_bands(DatasetSettings(), table, tagged).tagging.apply_at == 0.5


def test_a_threshold_holds_on_contents_that_it_was_not_fitted_on() -> None:
    """In 40 made sets of 300 contents whose tags hang together, the precision elsewhere is below 0.9 in few of them."""
    random, missed, met = np.random.default_rng(3), 0, 0
    for _ in range(40):
        confidence = random.beta(2, 1, size=(1500, 4))
        shift = np.where(random.random((1500, 1)) < 0.1, 0.3, 1.05)  # a tenth of the contents is odd
        right = (random.random((1500, 4)) < np.clip(confidence * shift, 0, 1)).astype(np.int64)
        ids = pl.Series(np.repeat([f"c{number}" for number in range(300)], 4))
        threshold = find_threshold(fit_thresholds(ids, confidence[:300].ravel(), right[:300].ravel(), 4), 0.8)
        if threshold is not None:
            met += 1
            missed += right[300:][confidence[300:] >= threshold].mean() < 0.8
    assert met >= 35
    assert missed <= 4
