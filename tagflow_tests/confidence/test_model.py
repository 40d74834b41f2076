"""The confidence model: it finds what was planted, says when it was not fitted, and judges by its own formula."""

import math

import numpy as np
import polars as pl
import pytest

from tagflow.confidence.features import FEATURES, HISTORY_FEATURES
from tagflow.confidence.model import (
    HEADS,
    MIN_CONTENTS,
    PRIOR_MODEL,
    describe_prior_model,
    fit_confidence,
    is_fitted,
    judge_pairs,
)
from tagflow.confidence.reliability import bin_reliability
from tagflow.schemas import CONFIDENCE_MODEL
from tagflow.tables import check_tables

PLANTED = {"human": 2.0, "cosine": 1.0, "named": 1.5, "machine_prior": -1.0}


def plant(contents: int, pairs: int, seed: int = 7) -> pl.DataFrame:
    """Return samples with standard normal features, right by a logistic model of ``PLANTED``."""
    random = np.random.default_rng(seed)
    values = {feature: random.normal(size=contents * pairs) for feature in FEATURES}
    logit = sum(weight * values[feature] for feature, weight in PLANTED.items()) - 0.5
    right = random.random(contents * pairs) < 1 / (1 + np.exp(-logit))
    ids = [f"c{number}" for number in range(contents) for _ in range(pairs)]
    return pl.DataFrame({"content_id": ids, "right": right, "annotated": True, **values})


FITTED = fit_confidence(plant(400, 10))


def coefficients(head: str) -> dict[str, float]:
    """Return feature to coefficient of a head of the fitted model."""
    rows = FITTED["confidence_model"].filter(pl.col("head") == head)
    return dict(rows.select("feature", "coefficient").iter_rows())


def pair(**features: float | bool) -> pl.DataFrame:
    """Return one pair whose features are 0 except those named."""
    return pl.DataFrame([{**dict.fromkeys(FEATURES, 0.0), "annotated": True, **features}])


def sigmoid(logit: float) -> float:
    """Return the logistic function."""
    return 1 / (1 + math.exp(-logit))


def test_the_fitted_model_has_its_declared_tables() -> None:
    check_tables(CONFIDENCE_MODEL, FITTED)
    assert is_fitted(FITTED["confidence_model"])
    assert set(FITTED["confidence_model"]["pairs"]) == {4000}


@pytest.mark.parametrize("head", HEADS)
def test_planted_weights_are_found(head: str) -> None:
    """Features have variance 1, so a coefficient is the planted weight; hidden history shrinks those of its head."""
    found = coefficients(head)
    seen = {feature: weight for feature, weight in PLANTED.items() if feature in HEADS[head]}
    for feature, weight in seen.items():
        assert math.copysign(1, found[feature]) == math.copysign(1, weight)
        assert abs(found[feature]) > 0.5
    assert all(abs(found[feature]) < 0.25 for feature in HEADS[head] if feature not in PLANTED)
    if head == "annotated":
        assert {feature: found[feature] for feature in seen} == pytest.approx(seen, abs=0.3)


def test_judgements_follow_what_was_planted() -> None:
    model = FITTED["confidence_model"]
    low, high = (judge_pairs(model, pair(human=side, cosine=side, named=side))[0] for side in (-1.0, 1.0))
    assert low < 0.1 < 0.9 < high


def test_a_tag_without_history_is_not_judged_by_history() -> None:
    model = FITTED["confidence_model"]
    for feature in HISTORY_FEATURES:
        unknown = [judge_pairs(model, pair(annotated=False, **{feature: value}))[0] for value in (0.0, 5.0)]
        assert unknown[0] == unknown[1]
    known = [judge_pairs(model, pair(human=value))[0] for value in (0.0, 5.0)]
    assert known[0] < known[1]
    assert not set(coefficients("unannotated")) & set(HISTORY_FEATURES)


@pytest.mark.parametrize("head", HEADS)
def test_reliability_is_taken_over_every_pair_once(head: str) -> None:
    table = FITTED["reliability"].filter(pl.col("head") == head)
    samples = plant(400, 10)
    assert table["pairs"].sum() == len(samples)
    assert (table["precision"] * table["pairs"]).sum() == pytest.approx(samples["right"].sum())
    gap = np.average((table["confidence"] - table["precision"]).abs().to_numpy(), weights=table["pairs"].to_numpy())
    assert gap < 0.05  # the planted relation is logistic, so the model is calibrated


def spread(table: pl.DataFrame) -> float:
    """Return how much more precise the more confident half of the bins is."""
    half = len(table) // 2
    return float(table["precision"][-half:].mean() - table["precision"][:half].mean())  # type: ignore[operator]


def test_reliability_is_measured_on_contents_that_the_model_did_not_see() -> None:
    """Each content has five equal pairs with an answer drawn at random: learned by heart, but never foretold."""
    random = np.random.default_rng(3)
    ids = np.repeat(np.arange(40), 5)
    values = {feature: random.normal(size=40)[ids] for feature in FEATURES}
    samples = pl.DataFrame(
        {"content_id": ids.astype(str), "right": (random.random(40) < 0.5)[ids], "annotated": True, **values}
    )
    tables = fit_confidence(samples)
    seen = judge_pairs(tables["confidence_model"], samples.with_columns(annotated=pl.lit(True)))
    by_heart = bin_reliability(seen, samples["right"].to_numpy().astype(np.int64), "annotated")
    assert spread(by_heart) > 0.2
    assert spread(tables["reliability"].filter(pl.col("head") == "annotated")) < 0.1


def test_a_fit_is_the_same_every_time() -> None:
    again = fit_confidence(plant(400, 10))
    assert all(again[name].equals(FITTED[name]) for name in FITTED)


@pytest.mark.parametrize(
    ("samples", "fitted"),
    [
        (plant(MIN_CONTENTS - 1, 20), False),
        (plant(MIN_CONTENTS, 20), True),
        (plant(MIN_CONTENTS, 20).with_columns(right=pl.lit(True)), False),
        (plant(MIN_CONTENTS, 20).with_columns(right=pl.lit(False)), False),
        (plant(MIN_CONTENTS, 20).clear(), False),
    ],
    ids=["too few contents", "just enough", "only right pairs", "only wrong pairs", "nothing"],
)
def test_too_little_to_learn_from_gives_the_prior_model(samples: pl.DataFrame, fitted: bool) -> None:
    tables = check_tables(CONFIDENCE_MODEL, fit_confidence(samples))
    assert is_fitted(tables["confidence_model"]) is fitted
    assert tables["confidence_model"].equals(describe_prior_model()) is not fitted
    assert tables["reliability"].is_empty() is not fitted


def test_a_right_tag_that_nobody_else_has_teaches_the_head_with_history_nothing() -> None:
    """Its prior and centroid are the lowest, and it is always right: left in, it would turn their signs."""
    lonely = plant(200, 5, seed=8).with_columns(right=pl.lit(True), annotated=pl.lit(False), prior=pl.lit(-9.0))
    model = fit_confidence(pl.concat([plant(400, 10), lonely]))["confidence_model"]
    pairs = dict(model.group_by("head").agg(pl.col("pairs").first()).iter_rows())
    assert pairs == {"annotated": 4000, "unannotated": 5000}
    prior = model.filter((pl.col("head") == "annotated") & (pl.col("feature") == "prior"))["coefficient"].item()
    assert prior == pytest.approx(coefficients("annotated")["prior"])


def test_the_unit_of_a_feature_does_not_matter() -> None:
    samples = plant(60, 10)
    stretched = samples.with_columns(pl.col("human") * 40 + 3, pl.col("cosine") / 50 - 7)
    judged, again = (
        judge_pairs(fit_confidence(frame)["confidence_model"], frame.with_columns(annotated=pl.lit(True)))
        for frame in (samples, stretched)
    )
    np.testing.assert_allclose(judged, again, atol=1e-3)


def test_a_feature_that_never_changes_does_not_spoil_the_model() -> None:
    samples = plant(60, 10).with_columns(headlined=pl.lit(1.0))
    model = fit_confidence(samples)["confidence_model"]
    judged = judge_pairs(model, samples.with_columns(annotated=pl.lit(True)))
    assert np.isfinite(judged).all()
    assert judged.std() > 0.1


def toy(head: str) -> list[tuple[object, ...]]:
    """Return a head that knows two features: cosine (mean 0.5, scale 0.25, weight 2) and named (0.5, 0.5, -1)."""
    known = {"cosine": (0.5, 0.25, 2.0), "named": (0.5, 0.5, -1.0), "bias": (0.0, 1.0, 0.5)}
    terms = {feature: known.get(feature, (0.0, 1.0, 0.0)) for feature in (*HEADS[head], "bias")}
    return [(head, feature, *term, [], [], True, False, 1, 1) for feature, term in terms.items()]


@pytest.mark.parametrize(
    ("cosine", "named", "logit"),
    [
        (0.5, 0.5, 0.5),  # at both means: the bias
        (0.75, 1.0, 1.5),  # 0.5 + 2 * 1 - 1 * 1
        (0.0, 0.0, -2.5),  # 0.5 + 2 * -2 - 1 * -1
    ],
)
@pytest.mark.parametrize("annotated", [True, False])
def test_a_judgement_is_the_formula(cosine: float, named: float, logit: float, annotated: bool) -> None:
    rows = [*toy("annotated"), *toy("unannotated")]
    model = pl.DataFrame(rows, schema=CONFIDENCE_MODEL.tables["confidence_model"].dtypes, orient="row")
    judged = judge_pairs(model, pair(cosine=cosine, named=named, annotated=annotated))
    assert judged == pytest.approx([sigmoid(logit)])


def test_each_pair_is_judged_by_its_own_head_in_its_own_place() -> None:
    """The heads differ by their bias: 2 where people used the tag, -1 where nobody did."""
    bias = {"annotated": 2.0, "unannotated": -1.0}
    model = describe_prior_model().with_columns(
        coefficient=pl.when(pl.col("feature") == "bias").then(pl.col("head").replace_strict(bias)).otherwise(0.0)
    )
    pairs = pl.concat([pair(annotated=annotated) for annotated in (False, True, True, False)])
    assert judge_pairs(model, pairs) == pytest.approx([sigmoid(-1), sigmoid(2), sigmoid(2), sigmoid(-1)])


def test_no_pairs_have_no_judgement() -> None:
    assert judge_pairs(describe_prior_model(), pair().clear()).shape == (0,)


def test_the_prior_model_says_that_it_is_not_fitted() -> None:
    model = describe_prior_model()
    empty = {name: FITTED[name].clear() for name in ("reliability", "thresholds", "rungs")}
    check_tables(CONFIDENCE_MODEL, {"confidence_model": model, **empty})
    assert not is_fitted(model)
    assert set(model["pairs"]) == {0}


def test_the_prior_model_weighs_what_its_constants_say() -> None:
    weighed = PRIOR_MODEL["bias"] + 0.5 * PRIOR_MODEL["cosine"] + PRIOR_MODEL["named"]
    both = pl.concat([pair(cosine=0.5, named=1.0, human=0.5, annotated=annotated) for annotated in (True, False)])
    expected = [sigmoid(weighed + 0.5 * PRIOR_MODEL["human"]), sigmoid(weighed)]
    assert judge_pairs(describe_prior_model(), both) == pytest.approx(expected)


def test_the_prior_model_passes_what_is_named_near_and_carried() -> None:
    prior = describe_prior_model()
    assert judge_pairs(prior, pair(cosine=0.5, human=0.3, named=1.0, headlined=1.0))[0] > 0.5
    assert judge_pairs(prior, pair(cosine=0.1))[0] < 0.1


def test_a_fitted_model_has_thresholds_for_the_tags_shown_and_the_target_asked_for() -> None:
    thresholds = fit_confidence(plant(400, 10), shown=1, target=0.93)["thresholds"]
    assert 0.93 in thresholds["target"].to_list()
    reached = thresholds.filter(pl.col("threshold").is_not_null())
    assert reached["pairs"].max() <= 400  # one tag a content
    assert FITTED["thresholds"]["pairs"].max() > 400
    assert reached["threshold"].is_sorted()
    assert (reached["precision"] >= reached["target"]).all()
    assert fit_confidence(plant(5, 2))["thresholds"].is_empty()
