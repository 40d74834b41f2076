"""Why a tag and why not another: the judge's sum on paper, its record by confidence, and the tag's place in recall."""

import math
from itertools import pairwise

import polars as pl
import pytest

from tagflow.confidence.explanation import (
    Place,
    compare_pairs,
    describe_pair,
    explain_cuts,
    explain_miss,
    find_carriers,
    find_like_cases,
    place_tag,
    recall_again,
    weigh_features,
)
from tagflow.confidence.features import FEATURES
from tagflow.confidence.model import HEADS, describe_prior_model, judge_pairs
from tagflow.settings import DatasetSettings, GraphSettings, TaggingSettings
from tagflow_tests.frames import make_table
from tagflow_tests.worlds import kitchen, raw_clues, said, scored

NEW = raw_clues(said("n1", title="stew"))
"""Its neighbours are f1, a stew (cosine 1), and f2, a salad (0.96): of its neighbourhood f1 has the share 1 / 1.96."""

F1, F2 = 1 / 1.96, 0.96 / 1.96


@pytest.fixture(name="world")
def fixture_world():
    materials = kitchen(NEW)
    return materials, pl.concat([materials.deterministic, materials.similarity])


def judge(**weights: float) -> pl.DataFrame:
    """Return a confidence model with mean 0.5 and scale 2 for every feature, and these coefficients."""
    told = pl.col("feature").replace_strict(weights, default=0.0, return_dtype=pl.Float64)
    bias = pl.col("feature") == "bias"
    return describe_prior_model().with_columns(
        coefficient=told, mean=pl.when(bias).then(0.0).otherwise(0.5), scale=pl.when(bias).then(1.0).otherwise(2.0)
    )


def pair(**values: object) -> pl.DataFrame:
    """Return one annotated pair whose other features are 0."""
    return pl.DataFrame({"content_id": "c", "tag_id": "t", **dict.fromkeys(FEATURES, 0.0), "annotated": True, **values})


def test_a_feature_adds_its_coefficient_times_its_standardised_value_and_the_largest_comes_first():
    model = judge(bias=-1.0, cosine=4.0, human=-2.0)
    parts = weigh_features(model, pair(cosine=1.0, human=0.9))
    adds = parts.select("feature", "value", "standardised", "contribution").head(3).rows()
    # cosine: 4 * (1.0 - 0.5) / 2 = 1; human: -2 * (0.9 - 0.5) / 2 = -0.4
    assert adds == [("bias", 1.0, 1.0, -1.0), ("cosine", 1.0, 0.25, 1.0), ("human", 0.9, pytest.approx(0.2), -0.4)]
    assert parts["logit"].unique().to_list() == [pytest.approx(-0.4)]
    assert parts["confidence"][0] == pytest.approx(1 / (1 + math.exp(0.4)))


def test_the_sum_is_what_the_judge_says_for_both_heads():
    model = judge(bias=-0.5, cosine=1.5, named=2.0, prior=0.3)
    pairs = pl.concat([pair(cosine=0.7, prior=-2.0), pair(tag_id="u", annotated=False, cosine=0.7, named=1.0)])
    parts = weigh_features(model, pairs).unique("tag_id").sort("tag_id")
    assert parts["confidence"].to_list() == pytest.approx(judge_pairs(model, pairs).tolist())
    assert parts["head"].to_list() == ["annotated", "unannotated"]


def test_a_calibrated_sum_is_shown_beside_the_raw_one_and_is_what_the_judge_says():
    """The curve takes the sum 0 to 1 and the sum 2 to 2: at 1 it stands at 1.5."""
    bias = pl.col("feature") == "bias"
    curve = [pl.when(bias).then(pl.lit(pl.Series([row]))).otherwise("knots") for row in ([0.0, 2.0], [1.0, 2.0])]
    model = judge(bias=1.0).with_columns(knots=curve[0], levels=curve[1])
    (part,) = weigh_features(model, pair()).filter(pl.col("feature") == "bias").to_dicts()
    assert (part["logit"], part["calibrated"]) == pytest.approx((1.0, 1.5))
    assert (part["raw"], part["confidence"]) == pytest.approx((1 / (1 + math.exp(-1)), 1 / (1 + math.exp(-1.5))))
    assert judge_pairs(model, pair()) == pytest.approx([part["confidence"]])


def test_a_tag_without_history_has_no_part_for_history():
    parts = weigh_features(judge(prior=9.0), pair(annotated=False))
    assert set(parts["feature"]) == {*HEADS["unannotated"], "bias"}


def test_where_candidates_compete_the_others_take_their_part():
    """The scores are 1 and 2, and none's is 0: the first has e / (1 + e^2), which is 1 - log(1 + e^2) in log-odds."""
    model = judge(cosine=2.0).with_columns(competing=pl.lit(True))
    pairs = pl.concat([pair(cosine=1.5), pair(tag_id="u", cosine=2.5)])
    parts = weigh_features(model, pairs).filter(pl.col("tag_id") == "t")
    said = dict(parts.select("feature", "contribution").iter_rows())
    assert (said["cosine"], said["rivals"]) == pytest.approx((1.0, -math.log(1 + math.exp(2))))
    assert parts["confidence"][0] == pytest.approx(math.e / (1 + math.e + math.exp(2)))
    assert judge_pairs(model, pairs)[0] == pytest.approx(parts["confidence"][0])


def bins(*highs: float, head: str = "annotated") -> pl.DataFrame:
    """Return bins that begin at 0 and end at these confidences."""
    rows = [
        {
            "head": head,
            "bin": number,
            "low": low,
            "high": high,
            "confidence": (low + high) / 2,
            "precision": (low + high) / 4,
            "pairs": 10 * number,
        }
        for number, (low, high) in enumerate(pairwise((0.0, *highs)), start=1)
    ]
    return make_table("confidence_model", rows, "reliability")


@pytest.mark.parametrize(("confidence", "found"), [(0.0, 1), (0.1999, 1), (0.2, 2), (0.54, 2), (0.56, 3), (1.0, 3)])
def test_a_confidence_falls_into_the_bin_between_its_borders(confidence, found):
    judged = pl.DataFrame({"tag_id": "t", "head": "annotated", "confidence": confidence})
    (case,) = find_like_cases(bins(0.2, 0.55, 1.0), judged).to_dicts()
    assert (case["bin"], case["bins"], case["pairs"]) == (found, 3, 10 * found)
    low, high = {1: (0.0, 0.2), 2: (0.2, 0.55), 3: (0.55, 1.0)}[found]
    assert (case["low"], case["high"]) == pytest.approx((low, high))
    assert case["precision"] == pytest.approx(case["mean"] / 2)


def test_each_head_has_bins_of_its_own_and_a_head_without_bins_says_nothing():
    judged = pl.DataFrame({"tag_id": ["a", "b"], "head": ["annotated", "unannotated"], "confidence": [0.9, 0.9]})
    both = pl.concat([bins(0.2, 1.0), bins(0.1, 0.3, 1.0, head="unannotated")])
    assert find_like_cases(both, judged).select("tag_id", "bin").rows() == [("a", 2), ("b", 3)]
    assert find_like_cases(bins(0.2, 1.0), judged)["tag_id"].to_list() == ["a"]
    assert len(find_like_cases(bins(), judged)) == 0


def test_recall_is_followed_to_the_figures_that_tagging_saw(world):
    materials, edges = world
    pairs = recall_again(NEW, edges, materials.tagset, materials.space, materials.settings.graph)
    found = {row["tag_id"]: row for row in pairs.to_dicts()}
    assert set(found) == {"soup", "vegan"}
    assert (found["soup"]["human"], found["soup"]["machine"]) == pytest.approx((F1, F2), abs=1e-6)
    assert found["vegan"]["cosine"] == pytest.approx(0.6, abs=1e-6)


def test_any_pair_can_be_described_recalled_or_not(world):
    materials, edges = world
    tools = (edges, materials.tagset, materials.space, materials.settings.graph)
    soup, travel = (describe_pair(NEW, tag, *tools).filter(pl.col("tag_id") == tag) for tag in ("soup", "travel"))
    assert soup.select("human", "machine", "cosine").row(0) == pytest.approx((F1, F2, 0.8), abs=1e-6)
    assert travel.select("human", "machine", "cosine").row(0) == pytest.approx((0.0, 0.0, 0.0), abs=1e-6)
    assert travel["annotated"].item()


def test_a_tag_has_a_place_by_closeness_and_by_votes(world):
    materials, edges = world
    soup, travel = (place_tag(NEW, tag, edges, materials.space) for tag in ("soup", "travel"))
    # by votes: soup 1 * 0.510 + 0.5 * 0.490, vegan 1 * 0.490
    assert soup == Place(pytest.approx(0.8), 1, 3, 2, 2, 1, 2)
    assert travel == Place(pytest.approx(0.0), 3, 3, 0, 2, None, 2)


def test_a_miss_says_what_each_way_of_recall_lacked():
    settings = GraphSettings(c2t=15, c2c2t=25)
    far = explain_miss(Place(0.12, 90, 458, 0, 20, None, 145), 0.2, settings)
    assert far == (
        "its cosine to the text is 0.12, below delta_ct 0.2 (rank 90 of 458 tags by closeness of meaning); "
        "none of the 20 neighbours carries it; it is neither among the first 25 tags of contents that share its words "
        "nor among the first 20 tags that the text names"
    )
    crowded = explain_miss(Place(0.24, 16, 458, 3, 20, 41, 145), 0.2, settings)
    assert "rank 16 of 458 tags by closeness of meaning, and C2T takes the first 15" in crowded
    assert "3 of the 20 neighbours carry it, rank 41 of 145 carried tags, and C2C2T takes the first 25" in crowded


def test_the_carriers_of_a_tag_come_nearest_first_and_say_who_gave_it(world):
    _, edges = world
    rows = find_carriers(NEW, edges).select("tag_id", "neighbour", "people", "proposal").rows()
    assert rows == [("soup", "f1", True, False), ("soup", "f2", False, True), ("vegan", "f2", True, False)]


def test_the_cosine_of_a_pair_comes_in_the_order_asked(world):
    materials, _ = world
    rows = compare_pairs("n1", pl.Series(["vegan", "soup"]), materials.space).rows()
    assert rows == [("vegan", pytest.approx(0.6)), ("soup", pytest.approx(0.8))]


def cuts(assigned: list[str], task: str = "multi", **tagging: float) -> list[tuple[str, int, str]]:
    """Return tag, rank and reason of what was cut from five candidates with confidence 0.9, 0.8, 0.7, 0.6 and 0.1."""
    candidates = scored(
        *(("c", tag, confidence) for tag, confidence in zip("abcde", (0.9, 0.8, 0.7, 0.6, 0.1), strict=True))
    )
    tagged = pl.DataFrame(
        {"content_id": "c", "tag_id": assigned}, schema={"content_id": pl.String, "tag_id": pl.String}
    )
    settings = DatasetSettings(task=task, tagging=TaggingSettings(min_confidence=0.25, **tagging))
    return explain_cuts(candidates, tagged, settings).select("tag", "rank", "reason").rows()


def test_a_candidate_is_cut_for_its_confidence_its_rank_or_the_task():
    low = "below the least confidence 0.25 (tagging.min_confidence)"
    beyond = "beyond the best 2 (tagging.top_k)"
    single = "a content gets one tag only (task: single)"
    assert cuts(["a", "b"], top_k=2) == [("c", 3, beyond), ("d", 4, beyond), ("e", 5, low)]
    assert cuts(["a"], task="single") == [("b", 2, single), ("c", 3, single), ("d", 4, single), ("e", 5, low)]


def test_a_candidate_that_no_rule_cuts_was_tagged_under_other_settings():
    assert cuts(["a", "b", "c"])[0] == ("d", 4, "it would pass now: dataset.yaml was changed after the last run")
