"""How well tags are assigned and recalled: P, R, F1, nDCG, Acc, Coverage (LLM4Tag §4.1), #Right, HR#k (§4.3)."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from tagflow.confidence.thresholds import measure_interval
from tagflow.evaluation.bootstrap import Floats, bootstrap_ratios
from tagflow.evaluation.gold import Gold
from tagflow.schemas import EVALUATION_REPORT

CUTS = (1, 3, 5, 10)  # ours
DEPTH = 10
HITS = (1, 2, 3)  # LLM4Tag Table 2
LEAST = tuple(round(0.05 * step, 2) for step in range(20))  # ours: cuts at which accuracy and coverage are taken
LOOKED_AT = 40  # ours: candidates the default recall gives at most
PROPENSITY_A, PROPENSITY_B = 0.55, 1.5  # Jain, Prabhu and Varma 2016, §4.1: the values for data without a better fit

ROW = {
    "metric": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "n": pl.Int64,
    "note": pl.String,
}


class Share(NamedTuple):
    """A metric that is a ratio of two sums over contents, in the order of their ids; shape (contents,)."""

    metric: str
    above: Floats
    below: Floats
    n: int
    note: str | None


def measure_ranking(scored: pl.DataFrame, gold: Gold) -> pl.DataFrame:
    """Return the ranking and recall metrics of one method over the contents that have gold.

    Only tags that people used can be judged, so the others are left out of the lists before they are scored (the
    condensed lists of Sakai 2007); ``judged share`` says how many of the produced tags were judged.

    P@k divides by k. F1@k is the mean over contents. nDCG@10 has binary gains and the ideal of min(10, gold) tags.
    Acc@k is right tags among the first k produced, over tags produced among the first k, pooled (our reading of eq.
    12); ``Acc@k of the k-th tag`` its other reading: right k-th tags, over contents that have one. Coverage@k is the
    share of contents with at least k tags (eq. 13). #Right is the mean number of right candidates; HR#k the share with
    at least k right ones, of the contents that have at least k gold tags. PSP@k weighs a right tag by how seldom
    people use it, over the most a list of k could reach (Jain et al. 2016).

    Args:
        scored: ``scored_candidates`` of the test contents.
        gold: gold of the test split.

    Returns:
        metric, value, low, high, n, note.
    """
    if not len(gold.pairs):
        return pl.DataFrame(schema=ROW)
    asked = scored.join(gold.pairs.select("content_id").unique(), on="content_id", how="semi")
    share = len(asked.join(gold.judged, on="tag_id", how="semi")) / len(asked) if len(asked) else None
    note = "share of the produced tags that people used at least twice"
    last = pl.DataFrame([("judged share", share, None, None, len(asked), note)], schema=ROW, orient="row")
    return pl.concat([measure_shares(share_ranking(scored, gold)), last])


def share_ranking(scored: pl.DataFrame, gold: Gold) -> list[Share]:
    """Return the metrics of ``measure_ranking`` content by content, the same ones in the same order for every method.

    Raises:
        ValueError: there is no gold.
    """
    if not len(gold.pairs):
        raise ValueError("Nothing can be measured without gold.")
    ranked = mark_right(scored, gold)
    table = _join_contents(ranked, gold)
    return [
        *_share_precision(table),
        *_share_propensity(ranked, gold),
        *_share_accuracy(table, ""),
        *_share_recall(table),
    ]


def measure_answers(answered: pl.DataFrame, gold: Gold, *, single: bool) -> pl.DataFrame:
    """Return precision, recall and F1, Acc@k and Coverage@k of what a method finally assigns, after the cut.

    Precision, recall and F1 are pooled over the contents with gold. Beside them the means over contents (precision over
    those that got a tag) and the means over tags (those in the gold or assigned; a tag that is never assigned has
    precision 0). Acc@k and Coverage@k as in ``measure_ranking``, on the pruned lists of eq. 13.

    Args:
        answered: content_id, tag_id, tag and confidence of the assigned tags of the test contents.
        gold: gold of the test split.
        single: the task has one tag a content: P = right / answered, R = right / all (LLM4Tag §4.1).
    """
    if not len(gold.pairs):
        return pl.DataFrame(schema=ROW)
    judged = mark_right(answered, gold)
    table = _join_contents(judged, gold)
    right, answers = _floats(table, "right"), _floats(table, "produced")
    ones, note = np.ones(len(table)), "of the judged tags assigned after the cut"
    wanted = ones if single else _floats(table, "gold")
    answering = (answers > 0).astype(np.float64)
    shares = [
        Share("precision", right, answers, int(answers.sum()), note),
        Share("recall", right, wanted, int(wanted.sum()), note),
        Share("F1", 2 * right, answers + wanted, len(table), note),
        Share("precision, mean over contents", right / np.maximum(answers, 1), answering, int(answering.sum()), note),
        Share("recall, mean over contents", right / wanted, ones, len(table), note),
        Share("F1, mean over contents", 2 * right / (answers + wanted), ones, len(table), note),
    ]
    rows = pl.DataFrame(_measure_tags(judged, gold), schema=ROW, orient="row")
    return pl.concat([measure_shares(shares), rows, measure_shares(_share_accuracy(table, " after the cut"))])


def weigh_tags(gold: Gold) -> pl.DataFrame:
    """Return tag_id and weight: the inverse propensity 1 + C (uses + B)^-A of the judged tags, never below 1.

    C = (ln N - 1) (B + 1)^A, N labelled contents outside the test split. Source: Jain, Prabhu and Varma 2016, eq. 2.
    """
    scale = max(np.log(max(gold.fit, 1)) - 1, 0.0) * (PROPENSITY_B + 1) ** PROPENSITY_A
    return gold.judged.select("tag_id", weight=1 + scale * (pl.col("uses") + PROPENSITY_B).pow(-PROPENSITY_A))


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


def measure_shares(shares: Sequence[Share]) -> pl.DataFrame:
    """Return metric, value, low, high, n, note of each share, its interval by bootstrap over the contents."""
    above, below = np.stack([share.above for share in shares], 1), np.stack([share.below for share in shares], 1)
    measured = zip(shares, bootstrap_ratios(above, below), strict=True)
    rows = [(share.metric, *interval, share.n, share.note) for share, interval in measured]
    return pl.DataFrame(rows, schema=ROW, orient="row")


def _join_contents(ranked: pl.DataFrame, gold: Gold) -> pl.DataFrame:
    """Return a row for each content with gold, by id: its gold, its right tags among the first k, its gain."""
    contents = gold.pairs.group_by("content_id").agg(gold=pl.len()).sort("content_id")
    counts = _count_right(ranked)
    return contents.join(counts, on="content_id", how="left", maintain_order="left").fill_null(0)


def _count_right(ranked: pl.DataFrame) -> pl.DataFrame:
    within = [pl.col("right").filter(pl.col("place") <= k).sum().alias(f"right@{k}") for k in (*CUTS, 2)]
    exact = [pl.col("right").filter(pl.col("place") == k).sum().alias(f"right at {k}") for k in HITS]
    gain = (pl.col("right") / (pl.col("place") + 1).log(2)).filter(pl.col("place") <= DEPTH).sum()
    return ranked.group_by("content_id").agg(*within, *exact, produced=pl.len(), right=pl.col("right").sum(), dcg=gain)


def _share_precision(table: pl.DataFrame) -> list[Share]:
    n, gold, ones = len(table), _floats(table, "gold"), np.ones(len(table))
    shares = []
    for k in CUTS:
        right = _floats(table, f"right@{k}")
        shares += [
            Share(f"P@{k}", right / k, ones, n, None),
            Share(f"R@{k}", right / gold, ones, n, None),
            Share(f"F1@{k}", 2 * right / (k + gold), ones, n, None),
        ]
    ideal = np.cumsum(1 / np.log2(np.arange(DEPTH) + 2))[np.minimum(gold, DEPTH).astype(int) - 1]
    return [*shares, Share(f"nDCG@{DEPTH}", _floats(table, "dcg") / ideal, ones, n, None)]


def _share_propensity(ranked: pl.DataFrame, gold: Gold) -> list[Share]:
    weights = weigh_tags(gold)
    reached = ranked.filter(pl.col("right") == 1).join(weights, on="tag_id", maintain_order="left")
    best = (
        gold.pairs.join(weights, on="tag_id")
        .sort("content_id", -pl.col("weight"), "tag_id")
        .with_columns(place=pl.int_range(1, pl.len() + 1).over("content_id"))
    )
    contents = gold.pairs.select("content_id").unique().sort("content_id")
    shares = []
    for k in CUTS:
        above, below = (
            contents.join(
                side.filter(pl.col("place") <= k).group_by("content_id").agg(pl.col("weight").sum()),
                on="content_id",
                how="left",
                maintain_order="left",
            ).fill_null(0.0)
            for side in (reached, best)
        )
        note = "right tags weighted by the inverse of how often people use them"
        shares.append(Share(f"PSP@{k}", _floats(above, "weight"), _floats(below, "weight"), len(contents), note))
    return shares


def _share_accuracy(table: pl.DataFrame, when: str) -> list[Share]:
    produced, ones = _floats(table, "produced"), np.ones(len(table))
    shares = []
    for k in HITS:
        first, having = np.minimum(produced, k), (produced >= k).astype(np.float64)
        shares.append(Share(f"Acc@{k}{when}", _floats(table, f"right@{k}"), first, int(first.sum()), None))
        if k > 1:  # of the first tag both readings are one
            right = _floats(table, f"right at {k}")
            shares.append(Share(f"Acc@{k} of the k-th tag{when}", right, having, int(having.sum()), None))
        shares.append(Share(f"Coverage@{k}{when}", having, ones, len(table), None))
    return shares


def _share_recall(table: pl.DataFrame) -> list[Share]:
    right, gold, ones = _floats(table, "right"), _floats(table, "gold"), np.ones(len(table))
    note = f"among {float(_floats(table, 'produced').mean()):.1f} judged candidates a content on average"
    shares = [Share("#Right", right, ones, len(table), note)]
    for k in HITS:
        able = (gold >= k).astype(np.float64)
        shares.append(Share(f"HR#{k}", (right >= k) * able, able, int(able.sum()), note))
    return shares


def _measure_tags(judged: pl.DataFrame, gold: Gold) -> list[tuple[object, ...]]:
    """Return the means over tags, without an interval: a tag is no content that could be drawn."""
    wanted = gold.pairs.group_by("tag_id").agg(wanted=pl.len())
    given = judged.group_by("tag_id").agg(given=pl.len(), right=pl.col("right").sum())
    tags = wanted.join(given, on="tag_id", how="full", coalesce=True).fill_null(0).sort("tag_id")
    parts = {
        "precision": pl.col("right") / pl.col("given").clip(1),
        "recall": pl.col("right") / pl.col("wanted").clip(1),
        "F1": 2 * pl.col("right") / (pl.col("given") + pl.col("wanted")),
    }
    means = tags.select(**parts).mean()
    note = "over the tags in the gold or assigned, each counted alike"
    return [(f"{name}, mean over tags", means[name].item(), None, None, len(tags), note) for name in parts]


def _floats(table: pl.DataFrame, column: str) -> Floats:
    return table[column].cast(pl.Float64).to_numpy()
