"""The evaluation report: every method on the held-out contents, and people's tag set beside tagflow's."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from tagflow.confidence.reliability import bin_reliability, brier_score, expected_calibration_error
from tagflow.evaluation.cases import show_cases
from tagflow.evaluation.comparison import IMPROVED, compare_methods, improve_relatively
from tagflow.evaluation.gold import Gold
from tagflow.evaluation.tag_map import place_tags
from tagflow.evaluation.tag_results import measure_each_tag
from tagflow.evaluation.tagging_metrics import (
    HITS,
    ROW,
    mark_right,
    measure_answers,
    measure_candidates,
    measure_cuts,
    measure_ranking,
    measure_threshold,
)
from tagflow.evaluation.tagset_metrics import count_effort, count_popularity, measure_tag_set
from tagflow.evaluation.words import count_words
from tagflow.ports import Encoder
from tagflow.schemas import EVALUATION_REPORT
from tagflow.tables import Tables
from tagflow.tagset.normalisation import normalise, tag_text

NAMEABLE = (
    "share of the held-out contents' labels used twice elsewhere that the tag set can name; R@k counts only these"
)


def report_methods(
    scored: Mapping[str, pl.DataFrame],
    answered: pl.DataFrame,
    gold: Gold,
    own: str,
    thresholds: pl.DataFrame,
    *,
    single: bool,
) -> pl.DataFrame:
    """Return the rows of all methods.

    Args:
        scored: ``scored_candidates`` of the test contents, by method.
        answered: the dataset's own method after the cut.
        gold: gold of the test split; without any, one row says why nothing is measured.
        own: name of the dataset's own method; its calibration is measured too.
        thresholds: those of ``confidence_model``, fitted off the test split; their precision is measured too.
        single: the task has one tag a content.
    """
    if not len(gold.pairs):
        why = (
            "not evaluated: nothing is held out (holdout: 0, or no labelled content)"
            if not gold.held_out
            else f"not evaluated: no label of the {gold.held_out} held-out contents is a tag used twice elsewhere"
        )
        return _name(own, pl.DataFrame([("evaluation", None, None, None, 0, why)], schema=ROW, orient="row"))
    parts = [_name(method, measure_ranking(frame, gold)) for method, frame in scored.items()]
    parts += _compare_accuracy(pl.concat(parts), own)
    parts.append(_name(own, measure_answers(answered, gold, single=single)))
    if own in scored:
        parts.append(_name(own, _measure_calibration(scored[own], gold)))
    parts += [_name(own, measure_threshold(answered, gold, row)) for row in thresholds.to_dicts()]
    nameable = ("gold in the tag set", len(gold.pairs) / gold.said, None, None, gold.said, NAMEABLE)
    parts.append(_name("tag set: tagflow", pl.DataFrame([nameable], schema=ROW, orient="row")))
    return pl.concat(parts)


def report_curves(scored: Mapping[str, pl.DataFrame], gold: Gold, own: str, *, single: bool) -> Tables:
    """Return ``test_reliability`` and ``accuracy_coverage`` of the own method, and what compares it with the others.

    Those are their ``differences`` from it and every method's ``candidate_recall``.

    Args:
        scored: ``scored_candidates`` of the test contents, by method.
        gold: gold of the test split; without any, all tables are empty.
        own: name of the dataset's own method.
        single: the task has one tag a content.
    """
    names = ("test_reliability", "accuracy_coverage", "candidate_recall")
    tables = {name: EVALUATION_REPORT.tables[name].empty() for name in names}
    if own in scored:
        judged = mark_right(scored[own], gold)
        bins = bin_reliability(judged["confidence"].to_numpy(), judged["right"].to_numpy().astype(np.int64), own)
        tables["test_reliability"] = bins.rename({"head": "method"})
        tables["accuracy_coverage"] = _name(own, measure_cuts(scored[own], gold, (1,) if single else HITS))
    recall = [_name(method, measure_candidates(frame, gold)) for method, frame in scored.items()]
    tables["differences"] = compare_methods(scored, gold, own)
    tables["candidate_recall"] = pl.concat([tables["candidate_recall"], *recall])
    return tables


def report_details(
    answered: pl.DataFrame, scored: Mapping[str, pl.DataFrame], test: pl.DataFrame, tagset: pl.DataFrame, gold: Gold
) -> Tables:
    """Return the ``tag_results`` of the own method and the ``cases`` of all.

    Args:
        answered: the dataset's own method after the cut.
        scored: ``scored_candidates`` of the test contents, by method.
        test: the test contents with gold (``raw_clues`` columns).
        tagset: ``fused_tagset``.
        gold: gold of the test split.
    """
    return {"tag_results": measure_each_tag(answered, tagset, gold), "cases": show_cases(test, scored, gold)}


def report_tag_sets(
    raw_clues: pl.DataFrame, tagged: pl.DataFrame, tagset: pl.DataFrame, encoder: Encoder, language: str
) -> Tables:
    """Return the quality rows and histograms of people's tags and of tagflow's, on the same dataset.

    People's tags are the labels, spellings made equal; contents without labels count for tagflow only. The map of
    tagflow's tags is drawn by the encoder; function words of the language are no words of a tag.
    """
    said = raw_clues.select("content_id", tag="labels").explode("tag").drop_nulls()
    people = said.select("content_id", normalise(pl.col("tag"))).filter(pl.col("tag") != "").unique(maintain_order=True)
    ours = tagged.select("content_id", "tag")
    sets = {
        "people": (
            people,
            people["tag"].unique(maintain_order=True),
            raw_clues.filter(pl.col("labels").list.len() > 0),
        ),
        "tagflow": (ours, tagset["tag"], raw_clues),
    }
    rows, popularity, effort, words, vectors = [], [], [], [], np.zeros((0, 0), np.float32)
    for name, (assigned, tags, contents) in sets.items():
        if not len(tags):
            continue
        vectors = encoder.encode(tags.to_frame("tag").select(tag_text(pl.col("tag"))).to_series().to_list())
        rows.append(_name(f"tag set: {name}", measure_tag_set(assigned, tags, vectors, len(contents))))
        popularity.append(count_popularity(assigned).select(pl.lit(name).alias("tag_set"), "times", "tags"))
        words.append(count_words(assigned, language).select(pl.lit(name).alias("tag_set"), "word", "contents"))
        effort.append(count_effort(assigned).select(pl.lit(name).alias("tag_set"), "tags", "contents"))
    empty = {name: table.empty() for name, table in EVALUATION_REPORT.tables.items()}
    return {
        "evaluation_report": pl.concat([empty["evaluation_report"], *rows]),
        "popularity": pl.concat([empty["popularity"], *popularity]),
        "least_effort": pl.concat([empty["least_effort"], *effort]),
        "words": pl.concat([empty["words"], *words]),
        "tag_map": place_tags(tagged, tagset, vectors),
    }


def _measure_calibration(scored: pl.DataFrame, gold: Gold) -> pl.DataFrame:
    judged = mark_right(scored, gold)
    if not len(judged):
        return pl.DataFrame(schema=ROW)
    confidence, right = judged["confidence"].to_numpy(), judged["right"].to_numpy().astype(np.int64)
    table = bin_reliability(confidence, right, "test")
    base = float(right.mean())
    rows = [
        (
            "ECE",
            expected_calibration_error(table),
            None,
            None,
            len(judged),
            "over the judged candidates of contents with gold, 15 equal-mass bins",
        ),
        (
            "Brier",
            brier_score(confidence, right),
            None,
            None,
            len(judged),
            f"the base rate alone gives {base * (1 - base):.4f}",
        ),
    ]
    return pl.DataFrame(rows, schema=ROW, orient="row")


def _compare_accuracy(rows: pl.DataFrame, own: str) -> list[pl.DataFrame]:
    """Return how much the own method improves on each other one, relatively (LLM4Tag Table 1), where defined."""
    values = {(row["method"], row["metric"]): row["value"] for row in rows.to_dicts()}
    reached, note = [values.get((own, metric)) for metric in IMPROVED], f"of {own} over it, mean over Acc@1, 2 and 3"
    parts = []
    for method in rows["method"].unique(maintain_order=True):
        gain = improve_relatively(reached, [values.get((method, metric)) for metric in IMPROVED])
        if method != own and gain is not None:
            row = ("relative improvement", gain, None, None, len(IMPROVED), note)
            parts.append(_name(method, pl.DataFrame([row], schema=ROW, orient="row")))
    return parts


def _name(method: str, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(pl.lit(method).alias("method"), pl.all())
