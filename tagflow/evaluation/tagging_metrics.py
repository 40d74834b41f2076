"""How well tags are assigned and recalled: P, R, F1, nDCG, Acc, Coverage (LLM4Tag §4.1), #Right, HR#k (§4.3)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from tagflow.confidence.thresholds import measure_interval
from tagflow.evaluation.bootstrap import bootstrap_ratio
from tagflow.evaluation.gold import Gold
from tagflow.schemas import EVALUATION_REPORT

CUTS = (1, 3, 5, 10)  # ours
DEPTH = 10
HITS = (1, 2, 3)  # LLM4Tag Table 2
LEAST = tuple(round(0.05 * step, 2) for step in range(20))  # ours: cuts at which accuracy and coverage are taken
LOOKED_AT = 40  # ours: candidates the default recall gives at most

ROW = {
    "metric": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "n": pl.Int64,
    "note": pl.String,
}


def measure_ranking(scored: pl.DataFrame, gold: Gold) -> pl.DataFrame:
    """Return the ranking and recall metrics of one method over the contents that have gold.

    Only tags that people used can be judged, so the others are left out of the lists before they are scored (the
    condensed lists of Sakai 2007); ``judged share`` says how many of the produced tags were judged.

    P@k divides by k. F1@k is the mean over contents. nDCG@10 has binary gains and the ideal of min(10, gold) tags.
    Acc@k is right tags among the first k produced, over tags produced among the first k, pooled (our reading of eq.
    12); Coverage@k the share of contents with at least k tags (eq. 13). #Right is the mean number of right candidates;
    HR#k the share with at least k right ones, of the contents that have at least k gold tags.

    Args:
        scored: ``scored_candidates`` of the test contents.
        gold: gold of the test split.

    Returns:
        metric, value, low, high, n, note.
    """
    contents = gold.pairs.group_by("content_id").agg(gold=pl.len()).sort("content_id")
    if not len(contents):
        return pl.DataFrame(schema=ROW)
    ranked = mark_right(scored, gold)
    table = contents.join(_count_right(ranked), on="content_id", how="left", maintain_order="left").fill_null(0)
    rows = [*_precision_rows(table), *_accuracy_rows(table, ""), *_recall_rows(table)]
    asked = scored.join(contents, on="content_id", how="semi")
    share = len(asked.join(gold.judged, on="tag_id", how="semi")) / len(asked) if len(asked) else None
    rows.append(
        ("judged share", share, None, None, len(asked), "share of the produced tags that people used at least twice")
    )
    return pl.DataFrame(rows, schema=ROW, orient="row")


def measure_answers(answered: pl.DataFrame, gold: Gold, *, single: bool) -> pl.DataFrame:
    """Return precision, recall and F1, Acc@k and Coverage@k of what a method finally assigns, after the cut.

    Precision, recall and F1 are pooled over the contents with gold; Acc@k and Coverage@k as in ``measure_ranking``, on
    the pruned lists of eq. 13.

    Args:
        answered: content_id, tag_id, tag and confidence of the assigned tags of the test contents.
        gold: gold of the test split.
        single: the task has one tag a content: P = right / answered, R = right / all (LLM4Tag §4.1).
    """
    contents = gold.pairs.group_by("content_id").agg(gold=pl.len()).sort("content_id")
    if not len(contents):
        return pl.DataFrame(schema=ROW)
    counts = _count_right(mark_right(answered, gold))
    table = contents.join(counts, on="content_id", how="left", maintain_order="left").fill_null(0)
    right, answers = (table[name].to_numpy().astype(np.float64) for name in ("right", "produced"))
    wanted = np.ones(len(table)) if single else table["gold"].to_numpy().astype(np.float64)
    rows = [
        (
            "precision",
            *bootstrap_ratio(right, answers),
            int(answers.sum()),
            "of the judged tags assigned after the cut",
        ),
        ("recall", *bootstrap_ratio(right, wanted), int(wanted.sum()), "of the judged tags assigned after the cut"),
        ("F1", *bootstrap_ratio(2 * right, answers + wanted), len(table), "of the judged tags assigned after the cut"),
        *_accuracy_rows(table, " after the cut"),
    ]
    return pl.DataFrame(rows, schema=ROW, orient="row")


def mark_right(scored: pl.DataFrame, gold: Gold) -> pl.DataFrame:
    """Return the judged tags of the contents with gold, best first, with ``right`` (0 or 1) and ``place`` (from 1).

    Ties go by name.
    """
    right = gold.pairs.with_columns(right=pl.lit(1))
    return (
        scored.select("content_id", "tag_id", "tag", "confidence")
        .join(gold.judged, on="tag_id", how="semi")
        .join(gold.pairs.select("content_id").unique(), on="content_id", how="semi")
        .join(right, on=["content_id", "tag_id"], how="left")
        .with_columns(pl.col("right").fill_null(0))
        .sort("content_id", -pl.col("confidence"), "tag")
        .with_columns(place=pl.int_range(1, pl.len() + 1).over("content_id"))
    )


def measure_candidates(scored: pl.DataFrame, gold: Gold) -> pl.DataFrame:
    """Return k, recall and contents for k from 1 to ``LOOKED_AT``: gold tags among the first k candidates.

    Recall is the mean over contents of the share of their gold tags; lists are condensed as in ``measure_ranking``.
    Empty without gold.
    """
    wanted = gold.pairs.group_by("content_id").agg(gold=pl.len())
    n = len(wanted)
    places = pl.DataFrame({"place": range(1, LOOKED_AT + 1)}, schema={"place": pl.Int64})
    found = (
        mark_right(scored, gold)
        .filter(pl.col("right") == 1)
        .join(wanted, on="content_id")
        .group_by("place")
        .agg(share=(1 / pl.col("gold")).sum())
    )
    table = places.join(found, on="place", how="left", maintain_order="left").select(
        k="place", recall=pl.col("share").fill_null(0.0).cum_sum() / max(n, 1), contents=pl.lit(n, pl.Int64)
    )
    return table if n else table.head(0)


def measure_cuts(scored: pl.DataFrame, gold: Gold, first: tuple[int, ...] = HITS) -> pl.DataFrame:
    """Return cut, k, accuracy, coverage and tags: Acc@k and Coverage@k at every cut of ``LEAST`` (LLM4Tag Fig. 8).

    Lists are condensed as in ``measure_ranking``. Empty without gold.

    Args:
        scored: ``scored_candidates`` of the test contents.
        gold: gold of the test split.
        first: values of k.
    """
    n = gold.pairs["content_id"].n_unique()
    judged = mark_right(scored, gold)
    rows = []
    for cut in LEAST if n else ():
        kept = judged.filter(pl.col("confidence") >= cut)
        for k in first:
            among = kept.filter(pl.col("place") <= k)
            covered = kept.filter(pl.col("place") == k).height / n
            share = int(among["right"].sum()) / len(among) if len(among) else None
            rows.append({"cut": cut, "k": k, "accuracy": share, "coverage": covered, "tags": len(among)})
    columns = EVALUATION_REPORT.tables["accuracy_coverage"].dtypes
    return pl.DataFrame(rows, schema={name: dtype for name, dtype in columns.items() if name != "method"})


def measure_threshold(answered: pl.DataFrame, gold: Gold, fitted: Mapping[str, Any]) -> pl.DataFrame:
    """Return the precision of what is assigned at or above one fitted threshold, with Wilson's 95 % interval.

    Args:
        answered: content_id, tag_id, tag and confidence of the assigned tags of the test contents.
        gold: gold of the test split.
        fitted: a row of ``thresholds`` of ``confidence_model``.
    """
    name, threshold = f"precision from the threshold for {fitted['target']:.2f}", fitted["threshold"]
    if threshold is None:
        row = (name, None, None, None, 0, "no confidence safely reaches it outside the test split")
        return pl.DataFrame([row], schema=ROW, orient="row")
    above = mark_right(answered, gold).filter(pl.col("confidence") >= threshold)
    right, n = int(above["right"].sum()), len(above)
    low, high = measure_interval(right, n) if n else (None, None)
    note = f"of the judged tags assigned at a confidence of {threshold:.3f} or more; Wilson's interval"
    return pl.DataFrame([(name, right / n if n else None, low, high, n, note)], schema=ROW, orient="row")


def _count_right(ranked: pl.DataFrame) -> pl.DataFrame:
    within = [pl.col("right").filter(pl.col("place") <= k).sum().alias(f"right@{k}") for k in (*CUTS, 2)]
    gain = (pl.col("right") / (pl.col("place") + 1).log(2)).filter(pl.col("place") <= DEPTH).sum()
    return ranked.group_by("content_id").agg(*within, produced=pl.len(), right=pl.col("right").sum(), dcg=gain)


def _precision_rows(table: pl.DataFrame) -> list[tuple[object, ...]]:
    n, gold, ones = len(table), table["gold"].to_numpy().astype(np.float64), np.ones(len(table))
    rows: list[tuple[object, ...]] = []
    for k in CUTS:
        right = table[f"right@{k}"].to_numpy().astype(np.float64)
        rows += [
            (f"P@{k}", *bootstrap_ratio(right / k, ones), n, None),
            (f"R@{k}", *bootstrap_ratio(right / gold, ones), n, None),
            (f"F1@{k}", *bootstrap_ratio(2 * right / (k + gold), ones), n, None),
        ]
    ideal = np.cumsum(1 / np.log2(np.arange(DEPTH) + 2))[np.minimum(gold, DEPTH).astype(int) - 1]
    rows.append((f"nDCG@{DEPTH}", *bootstrap_ratio(table["dcg"].to_numpy() / ideal, ones), n, None))
    return rows


def _accuracy_rows(table: pl.DataFrame, when: str) -> list[tuple[object, ...]]:
    produced, ones = table["produced"].to_numpy(), np.ones(len(table))
    rows: list[tuple[object, ...]] = []
    for k in (1, 2, 3):
        right = table[f"right@{k}"].to_numpy().astype(np.float64)
        first = np.minimum(produced, k).astype(np.float64)
        rows.append((f"Acc@{k}{when}", *bootstrap_ratio(right, first), int(first.sum()), None))
        rows.append(
            (f"Coverage@{k}{when}", *bootstrap_ratio((produced >= k).astype(np.float64), ones), len(table), None)
        )
    return rows


def _recall_rows(table: pl.DataFrame) -> list[tuple[object, ...]]:
    right, gold, ones = table["right"].to_numpy(), table["gold"].to_numpy(), np.ones(len(table))
    mean = float(table["produced"].to_numpy().mean())
    note = f"among {mean:.1f} judged candidates a content on average"
    rows: list[tuple[object, ...]] = [("#Right", *bootstrap_ratio(right.astype(np.float64), ones), len(table), note)]
    for k in HITS:
        able = (gold >= k).astype(np.float64)
        hits = ((right >= k) & (gold >= k)).astype(np.float64)
        rows.append((f"HR#{k}", *bootstrap_ratio(hits, able), int(able.sum()), note))
    return rows
