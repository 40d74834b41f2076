"""What a language model's own numbers are worth: a calibration of each rung of the ladder (LLM4Tag §3.4; fit ours).

A model that says .9 is right as often as it is, not nine times in ten. For contents whose labels are known the pairs
that it chose and judged are compared with the labels, rung by rung, as a probability of tokens, a share of answers and
a number in words err in ways of their own. A rung with too few right or wrong pairs keeps the model's own numbers.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from tagflow.confidence.calibration import (
    FEWEST_RIGHT,
    NO_CURVE,
    Curve,
    Values,
    assign_folds,
    calibrate,
    choose_way,
    cross_calibrate,
    fit_way,
    squash,
)
from tagflow.schemas import CONFIDENCE_MODEL

FOLDS = 5  # ours, as of the embedded judge
SEED = 20250219  # the day LLM4Tag was put on arXiv
EDGE = 1e-4  # ours: a number nearer to 0 or 1 counts as this far from it
TOO_FEW = "too few"
"""The way of a rung that is not calibrated."""

RUNGS = CONFIDENCE_MODEL.tables["rungs"]


class Fitted(NamedTuple):
    """What came of judged pairs with labels.

    Attributes:
        rungs: table ``rungs`` of ``confidence_model``.
        pairs: the pairs of calibrated rungs, with ``confidence``: each by the pairs of the other folds.
    """

    rungs: pl.DataFrame
    pairs: pl.DataFrame


def fit_rungs(judged: pl.DataFrame) -> Fitted:
    """Return the calibration of each rung, with the way that holds best on contents it was not fitted on.

    Args:
        judged: content_id, rung, score in [0, 1], right; of contents outside the test split.
    """
    rows, pairs = [], [judged.clear().with_columns(confidence=pl.lit(None, pl.Float64))]
    for (rung,), part in judged.drop_nulls(["rung", "score"]).sort("rung").group_by("rung", maintain_order=True):
        logit, right = find_log_odds(part["score"].to_numpy()), part["right"].to_numpy().astype(np.int64)
        way, curve = TOO_FEW, NO_CURVE
        if min(right.sum(), len(right) - right.sum()) >= FEWEST_RIGHT:
            fold = assign_folds(part["content_id"], FOLDS, SEED)
            way = choose_way(logit, right, fold)
            curve = fit_way(logit, right, way)
            confidence = cross_calibrate(logit, right, fold, way)
            pairs.append(part.with_columns(confidence=pl.Series(confidence)))
        counts = {"pairs": len(right), "positives": int(right.sum()), "said": float(part["score"].mean() or 0)}  # type: ignore[arg-type]
        rows.append({"rung": rung, "way": way, "knots": curve.knots, "levels": curve.levels, **counts})
    return Fitted(RUNGS.shape(pl.DataFrame(rows, schema=RUNGS.dtypes)), pl.concat(pairs))


class RungCalibration:
    """Gives calibrated probabilities from a language model's own and the rungs that gave them."""

    def __init__(self, rungs: pl.DataFrame) -> None:
        """Take the table ``rungs`` of ``confidence_model``."""
        self._curves = {
            rung: Curve(np.array(knots, np.float64), np.array(levels, np.float64))
            for rung, way, knots, levels in rungs.select("rung", "way", "knots", "levels").rows()
            if way != TOO_FEW
        }

    @property
    def rungs(self) -> frozenset[str]:
        """The rungs that are calibrated."""
        return frozenset(self._curves)

    def __call__(self, judged: Values, rungs: Sequence[str | None]) -> Values:
        """Return the probabilities; NaN stays NaN, and the numbers of other rungs stay as they are."""
        given, said = np.asarray(rungs, dtype=object), np.array(judged, np.float64)
        for rung, curve in self._curves.items():
            rows = (given == rung) & ~np.isnan(said)
            said[rows] = squash(calibrate(find_log_odds(said[rows]), curve))
        return said


def find_log_odds(probability: Values) -> Values:
    """Return the log-odds of probabilities, those of 0 and 1 being those of ``EDGE`` from there."""
    kept = np.clip(probability, EDGE, 1 - EDGE)
    return np.asarray(np.log(kept / (1 - kept)))
