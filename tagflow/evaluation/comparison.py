"""Which of two methods is better, and whether that is more than chance: paired differences, relative improvement."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from tagflow.evaluation.bootstrap import Floats, bootstrap_differences
from tagflow.evaluation.gold import Gold
from tagflow.evaluation.tagging_metrics import Share, share_ranking
from tagflow.schemas import EVALUATION_REPORT

COMPARED = ("nDCG@10", "P@1", "R@10", "F1@5", "PSP@5", "Acc@1", "Acc@2", "Acc@3")
"""Metrics whose differences are tested: ours."""

IMPROVED = ("Acc@1", "Acc@2", "Acc@3")
"""What LLM4Tag's relative improvement is taken over where a content has several tags (Table 1)."""


def compare_methods(scored: Mapping[str, pl.DataFrame], gold: Gold, own: str) -> pl.DataFrame:
    """Return the ``differences``: every other method less the dataset's own, by method and metric in ``COMPARED``.

    Intervals are paired: both methods are measured on the same draws of contents. Contents, not tags, are drawn. No
    correction is made for many comparisons. A metric that either method has no value for has no row.

    Args:
        scored: ``scored_candidates`` of the test contents, by method.
        gold: gold of the test split; without any, or without the own method, nothing is compared.
        own: the method the others are compared with.
    """
    table = EVALUATION_REPORT.tables["differences"]
    if own not in scored or not len(gold.pairs):
        return table.empty()
    first, n = _stack(share_ranking(scored[own], gold)), gold.pairs["content_id"].n_unique()
    rows = []
    for method in sorted(set(scored) - {own}):
        intervals = bootstrap_differences(_stack(share_ranking(scored[method], gold)), first)
        for metric, (difference, low, high) in zip(COMPARED, intervals, strict=True):
            if difference is None or low is None or high is None:
                continue
            verdict = "better" if low > 0 else "worse" if high < 0 else "tied"
            rows.append((method, metric, difference, low, high, verdict, n))
    return pl.DataFrame(rows, schema=table.dtypes, orient="row")


def improve_relatively(own: Sequence[float | None], other: Sequence[float | None]) -> float | None:
    """Return LLM4Tag's relative improvement RI: the mean over metrics of (own - other) / other.

    Args:
        own: values of the own method.
        other: the other method's, in the same order; None or 0 in either makes the whole undefined: None.
    """
    if not own or any(value is None for value in (*own, *other)) or any(value == 0 for value in other):
        return None
    pairs = np.array([own, other], dtype=np.float64)
    return float(np.mean((pairs[0] - pairs[1]) / pairs[1]))


def compare_clues(
    field: str, scored: pl.DataFrame, without: pl.DataFrame, contents: pl.Series, gold: Gold
) -> pl.DataFrame:
    """Return the ``clue_results`` row of one field: nDCG@10 with and without it on the same contents; none without any.

    Args:
        field: its name.
        scored: ``scored_candidates`` with it.
        without: ``scored_candidates`` of the same contents without it.
        contents: ids of the contents that have it.
        gold: gold of the test split.
    """
    table = EVALUATION_REPORT.tables["clue_results"]
    of_these = gold._replace(pairs=gold.pairs.filter(pl.col("content_id").is_in(contents.implode())))
    if not len(of_these.pairs):
        return table.empty()
    both = [_find_share(frame, of_these, COMPARED[0]) for frame in (scored, without)]
    sides = [(share.above[:, None], share.below[:, None]) for share in both]
    ((_, low, high),) = bootstrap_differences(sides[0], sides[1])
    means = [float(share.above.sum() / share.below.sum()) for share in both]
    row = {"field": field, "contents": len(both[0].above), "with_it": means[0], "without_it": means[1]}
    return pl.DataFrame([row | {"low": low, "high": high}], schema=table.dtypes)


def _find_share(scored: pl.DataFrame, gold: Gold, metric: str) -> Share:
    return next(share for share in share_ranking(scored, gold) if share.metric == metric)


def _stack(shares: Sequence[Share]) -> tuple[Floats, Floats]:
    chosen = {share.metric: share for share in shares}
    return (
        np.stack([chosen[metric].above for metric in COMPARED], axis=1),
        np.stack([chosen[metric].below for metric in COMPARED], axis=1),
    )
