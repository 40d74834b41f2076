"""Every method on every dataset in one table, taken from the reports as they were stored (LLM4Tag Table 1)."""

from collections.abc import Mapping

import polars as pl

from tagflow.evaluation.comparison import COMPARED
from tagflow.schemas import LEADERBOARD
from tagflow.tables import Tables

FIRST = COMPARED[0]
"""The metric by which methods are ordered and marked."""

METRICS = {"nDCG@10": "ndcg10", "P@1": "p1", "R@10": "r10", "F1@5": "f1_5"}
"""Metrics of the board and its columns."""

OWN = "in use"
"""Verdict of the dataset's own method, which the others are compared with."""

THOUSAND = 1000


def gather_leaderboard(reports: Mapping[str, Tables]) -> pl.DataFrame:
    """Return the ``leaderboard``: a row for each dataset and method, best first, those that did not run last.

    Args:
        reports: ``evaluation_report`` with its side tables, by dataset; datasets come in the mapping's order, and one
            that nothing was measured on has no rows.
    """
    table = LEADERBOARD.tables["leaderboard"]
    boards = [_gather(name, tables) for name, tables in reports.items()]
    return pl.concat([table.empty(), *(table.shape(board) for board in boards)])


def _gather(name: str, tables: Tables) -> pl.DataFrame:
    report, costs = tables["evaluation_report"], tables["method_costs"]
    first = report.filter((pl.col("metric") == FIRST) & pl.col("value").is_not_null())
    board = first.select("method", "low", "high", contents="n")
    for metric, column in METRICS.items():
        values = report.filter(pl.col("metric") == metric).select("method", pl.col("value").alias(column))
        board = board.join(values, on="method", how="left")
    verdicts = tables["differences"].filter(pl.col("metric") == FIRST).select("method", "verdict")
    board = board.join(verdicts, on="method", how="left").with_columns(pl.col("verdict").fill_null(OWN))
    scale = pl.when(pl.col("contents") > 0).then(THOUSAND / pl.col("contents"))
    spent = costs.select(
        "method",
        "not_run",
        seconds=pl.col("seconds") * scale,
        requests=(pl.col("requests") + pl.col("answers_reused")) * scale,
        unanswered=pl.col("unanswered") * scale / THOUSAND,
    )
    board = board.join(spent, on="method", how="full", coalesce=True)
    board = board.filter(pl.col("ndcg10").is_not_null() | pl.col("not_run").is_not_null())
    return board.with_columns(dataset=pl.lit(name)).sort("ndcg10", "method", descending=[True, False], nulls_last=True)


def cross_methods(board: pl.DataFrame, column: str) -> pl.DataFrame:
    """Return a row for each method and a column for each dataset with one figure; null where it was not measured.

    Methods are ordered by their mean over the datasets that they were measured on, best first; those measured nowhere
    are left out. Columns: method, mean, datasets (how many), then the datasets in their order.

    Args:
        board: ``leaderboard``.
        column: a column of ``METRICS``.
    """
    measured = board.filter(pl.col(column).is_not_null())
    order = measured["dataset"].unique(maintain_order=True).to_list()
    means = measured.group_by("method").agg(mean=pl.col(column).mean(), datasets=pl.len())
    crossed = measured.pivot("dataset", index="method", values=column)
    named = means.join(crossed, on="method", how="left").sort(-pl.col("mean"), "method")
    return named.select("method", "mean", "datasets", *order)
