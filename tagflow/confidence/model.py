"""The confidence model: a logistic regression over recall features, learned from annotated history (LLM4Tag §3.4).

LLM4Tag reads Conf(c, t) off an LLM's Yes and No (eq. 10) and trains it on expert answers (eq. 11). The embedded tag
model learns the same probability with a small model on the same kind of answers. It has two heads: one for tags that
people have used as annotations, and one for tags that only the machine proposed; the second is learned on the same
samples as if the tag's history were unknown, so it holds for a tag that nobody annotated yet. Where a content has a
single tag, its candidates compete (see ``choice``). Each head's logit is then calibrated on contents it did not see
(see ``calibration``).
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tagflow.confidence.calibration import (
    NO_CURVE,
    Curve,
    assign_folds,
    calibrate,
    choose_way,
    cross_calibrate,
    fit_way,
    squash,
)
from tagflow.confidence.choice import compete, fit_choice
from tagflow.confidence.features import FEATURES, HISTORY_FEATURES
from tagflow.confidence.reliability import bin_record
from tagflow.confidence.thresholds import fit_thresholds
from tagflow.schemas import CONFIDENCE_MODEL
from tagflow.tables import Tables

HEADS = {
    "annotated": FEATURES,
    "unannotated": tuple(feature for feature in FEATURES if feature not in HISTORY_FEATURES),
}

MIN_CONTENTS = 30  # ours: annotated contents below which a fitted model is worth less than the prior one
FOLDS = 5  # ours
SHOWN = 10  # ours: tags a content gets at most, as tagging.top_k
SEED = 20230406  # the day TagGPT was put on arXiv

PRIOR_MODEL = {  # ours: set by hand so that a tag that is named, near and carried by neighbours passes 0.5
    "bias": -4.0,
    "cosine": 5.0,
    "human": 6.0,
    "machine": 3.0,
    "named": 1.0,
    "headlined": 0.7,
}


def fit_confidence(
    samples: pl.DataFrame, shown: int = SHOWN, target: float | None = None, *, single: bool = False
) -> Tables:
    """Return the ``confidence_model`` with its cross-fitted reliability and thresholds; ``rungs`` stay empty.

    Too few annotated contents, or only one kind of answer, give the documented prior model (``fitted`` false).

    Args:
        samples: content_id, right, every feature and ``annotated``, of contents outside the test split; each pair's
            features leave its own edge out.
        shown: tags a content gets at most.
        target: a precision to fit a threshold for, besides the usual ones.
        single: whether a content has one tag, so that its candidates compete.
    """
    known = samples.filter(pl.col("annotated"))
    enough = known["content_id"].n_unique() >= MIN_CONTENTS and known["right"].n_unique() == 2
    names = ("reliability", "thresholds", "rungs")
    empty, thresholds, rungs = (CONFIDENCE_MODEL.tables[name].empty() for name in names)
    if not enough:
        prior = describe_prior_model()
        return {"confidence_model": prior, "reliability": empty, "thresholds": thresholds, "rungs": rungs}
    heads, curves = [], []
    for head, features in HEADS.items():
        # A right pair whose tag nobody else has cannot be met at tagging time; left in, it turns the signs of history.
        taught = known if head == "annotated" else samples
        values, right = taught.select(features).to_numpy(), taught["right"].to_numpy().astype(np.int64)
        mean, scale = values.mean(axis=0), values.std(axis=0)
        scale = np.where(scale > 1e-9, scale, 1.0)
        standard = (values - mean) / scale
        fold = assign_folds(taught["content_id"], FOLDS, SEED)
        learn = _number(taught) if single else None
        coefficients = _fit(standard, right, learn)
        logit = _cross_fit(standard, right, fold, learn)
        said = ~np.isnan(logit)
        way = choose_way(logit[said], right[said], fold[said])
        curve = fit_way(logit[said], right[said], way)
        counts = (len(right), int(right.sum()))
        described = _describe(head, features, mean, scale, coefficients, counts, curve)
        heads.append(described.with_columns(competing=pl.lit(single)))
        confidence = cross_calibrate(logit[said], right[said], fold[said], way)
        curves.append(bin_record(confidence, right[said], head))
        if head == "annotated":  # of the other head's tags nobody can tell whether one is wrong
            contents = taught["content_id"].filter(pl.Series(said))
            thresholds = fit_thresholds(contents, confidence, right[said], shown, target)
    reliability = pl.concat([empty, *curves])
    model = pl.concat(heads)
    return {"confidence_model": model, "reliability": reliability, "thresholds": thresholds, "rungs": rungs}


def describe_prior_model() -> pl.DataFrame:
    """Return the ``confidence_model`` of a dataset without annotations: set by hand, not calibrated."""
    heads = []
    for head, features in HEADS.items():
        terms = np.array([PRIOR_MODEL.get(feature, 0.0) for feature in (*features, "bias")])
        heads.append(
            _describe(head, features, np.zeros(len(features)), np.ones(len(features)), terms, (0, 0), NO_CURVE)
        )
    return pl.concat(heads).with_columns(fitted=pl.lit(False))


def judge_pairs(model: pl.DataFrame, pairs: pl.DataFrame) -> NDArray[np.float64]:
    """Return the probability that each pair's tag is right.

    Args:
        model: ``confidence_model``.
        pairs: every feature, ``annotated``: which head judges the pair, and content_id with all candidates of a content
            if the model lets them compete.
    """
    score, confidence = np.zeros(len(pairs)), np.zeros(len(pairs))
    annotated = pairs["annotated"].to_numpy()
    of_head = {head: annotated if head == "annotated" else ~annotated for head in HEADS}
    for head, rows in of_head.items():
        score[rows] = _sum_features(model.filter(pl.col("head") == head), HEADS[head], pairs.filter(pl.Series(rows)))
    logit = compete(score, _number(pairs)) if lets_compete(model) else score
    for head, rows in of_head.items():
        confidence[rows] = squash(calibrate(logit[rows], read_curve(model.filter(pl.col("head") == head))))
    return confidence


def lets_compete(model: pl.DataFrame) -> bool:
    """Return whether the candidates of a content compete, because it has a single tag."""
    return bool(model["competing"].any())


def _sum_features(terms: pl.DataFrame, features: tuple[str, ...], pairs: pl.DataFrame) -> NDArray[np.float64]:
    weights = dict(zip(terms["feature"], terms.select("mean", "scale", "coefficient").iter_rows(), strict=True))
    total = np.full(len(pairs), weights["bias"][2])
    values = pairs.select(features).to_numpy()
    for column, feature in enumerate(features):
        mean, scale, coefficient = weights[feature]
        total += coefficient * (values[:, column] - mean) / scale
    return total


def read_curve(terms: pl.DataFrame) -> Curve:
    """Return the calibration curve of one head's rows of the ``confidence_model``."""
    knots, levels = terms.filter(pl.col("feature") == "bias").select("knots", "levels").row(0)
    return Curve(np.array(knots, np.float64), np.array(levels, np.float64))


def is_fitted(model: pl.DataFrame) -> bool:
    """Return whether the model was learned from annotations; if not, its numbers are not calibrated."""
    return bool(model["fitted"].all())


def _number(pairs: pl.DataFrame) -> NDArray[np.int64]:
    """A number for each pair's content."""
    return pairs.select(pl.col("content_id").rank("dense").cast(pl.Int64)).to_series().to_numpy()


def _fit(values: np.ndarray, right: np.ndarray, content: NDArray[np.int64] | None) -> np.ndarray:
    if content is not None:
        return fit_choice(values, right, content)
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1.0, max_iter=1000).fit(values, right)  # scikit-learn's default strength
    return np.append(fitted.coef_[0], fitted.intercept_[0])


def _cross_fit(
    values: np.ndarray, right: np.ndarray, fold: np.ndarray, content: NDArray[np.int64] | None
) -> np.ndarray:
    """The logit of each pair by a model that did not see its content."""
    out = np.full(len(right), np.nan)  # a fold with one kind of answer says nothing
    for number in range(FOLDS):
        fit, rest = fold != number, fold == number
        if rest.any() and len(np.unique(right[fit])) == 2:
            coefficients = _fit(values[fit], right[fit], None if content is None else content[fit])
            score = values[rest] @ coefficients[:-1] + coefficients[-1]
            out[rest] = score if content is None else compete(score, content[rest])
    return out


def _describe(
    head: str,
    features: tuple[str, ...],
    mean: np.ndarray,
    scale: np.ndarray,
    terms: np.ndarray,
    counts: tuple[int, int],
    curve: Curve,
) -> pl.DataFrame:
    none: list[list[float]] = [[] for _ in features]
    terms_table = pl.DataFrame(
        {
            "head": head,
            "feature": [*features, "bias"],
            "mean": [*mean.tolist(), 0.0],
            "scale": [*scale.tolist(), 1.0],
            "coefficient": terms.tolist(),
            "knots": [*none, curve.knots.tolist()],
            "levels": [*none, curve.levels.tolist()],
            "fitted": True,
            "competing": False,
            "pairs": counts[0],
            "positives": counts[1],
        }
    )
    return CONFIDENCE_MODEL.tables["confidence_model"].shape(terms_table)
