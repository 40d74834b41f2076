"""How each tag fares on the held-out contents: best, worst, and what it is most confused with."""

import polars as pl

from tagflow.evaluation.gold import Gold
from tagflow.evaluation.tagging_metrics import mark_right
from tagflow.schemas import EVALUATION_REPORT


def measure_each_tag(answered: pl.DataFrame, tagset: pl.DataFrame, gold: Gold) -> pl.DataFrame:
    """Return the ``tag_results`` of one method after the cut: a row for each tag in the gold or assigned.

    ``confused_with`` is the tag that was assigned wrongly most often where this one was gold and missed; ties go by
    name. Rows are ordered by F1, best first, then by gold, most first, then by name. Source: ours.

    Args:
        answered: content_id, tag_id, tag and confidence of the assigned tags of the test contents.
        tagset: ``fused_tagset``.
        gold: gold of the test split; without any, the table is empty.
    """
    table = EVALUATION_REPORT.tables["tag_results"]
    if not len(gold.pairs):
        return table.empty()
    judged = mark_right(answered, gold)
    given = judged.group_by("tag_id").agg(given=pl.len().cast(pl.Int64), right=pl.col("right").sum().cast(pl.Int64))
    wanted = gold.pairs.group_by("tag_id").agg(gold=pl.len().cast(pl.Int64))
    counts = wanted.join(given, on="tag_id", how="full", coalesce=True).fill_null(0)
    rated = counts.with_columns(
        precision=pl.when(pl.col("given") > 0).then(pl.col("right") / pl.col("given")),
        recall=pl.when(pl.col("gold") > 0).then(pl.col("right") / pl.col("gold")),
        f1=2 * pl.col("right") / (pl.col("given") + pl.col("gold")),
    )
    named = rated.join(tagset.select("tag_id", "tag"), on="tag_id").join(
        _find_confusions(judged, gold), on="tag_id", how="left"
    )
    return table.shape(named.sort(-pl.col("f1"), -pl.col("gold"), "tag", "tag_id"))


def _find_confusions(judged: pl.DataFrame, gold: Gold) -> pl.DataFrame:
    """Return tag_id, confused_with and confused: what stood wrongly where a gold tag was missing, most often first."""
    missed = gold.pairs.join(judged.filter(pl.col("right") == 1), on=["content_id", "tag_id"], how="anti")
    wrong = judged.filter(pl.col("right") == 0).select("content_id", confused_with="tag")
    pairs = missed.join(wrong, on="content_id").group_by("tag_id", "confused_with").agg(confused=pl.len())
    order = pairs.sort("tag_id", -pl.col("confused").cast(pl.Int64), "confused_with")
    return order.unique("tag_id", keep="first", maintain_order=True).with_columns(pl.col("confused").cast(pl.Int64))
