"""How right a language model's own numbers are: measured on labelled contents that are tagged like any other."""

from typing import Any

import polars as pl

from tagflow.clues.conversion import has_text
from tagflow.clues.holdout import draw_contents
from tagflow.confidence.reliability import bin_record
from tagflow.confidence.rungs import TOO_FEW, fit_rungs
from tagflow.confidence.thresholds import fit_thresholds
from tagflow.knowledge.corrections import PAIR
from tagflow.pipeline.resources import Dataset
from tagflow.settings import DatasetSettings
from tagflow.tables import Tables
from tagflow.taggers import is_judged

LADDER = "language model"
"""The head of the reliability of its calibrated numbers."""


def draw_labelled(contents: pl.DataFrame, samples: pl.DataFrame, settings: DatasetSettings) -> pl.DataFrame:
    """Return the contents that are tagged to calibrate a language model; none where its numbers are not shown.

    They are drawn by a hash of their ids from the contents with text that people annotated, outside the test split.

    Args:
        contents: ``raw_clues``.
        samples: ``knowledge_base``.
        settings: brain, method, and ``llm.calibration``: how many at most.
    """
    tagging = settings.tagging
    if settings.brain != "llm" or not is_judged(tagging.method, tagging.settings):
        return contents.clear()
    labelled = samples.filter(pl.col("right")).select("content_id").unique()
    known = contents.filter(has_text() & (pl.col("split") == "fit"))
    return draw_contents(
        known.join(labelled, on="content_id", how="semi", maintain_order="left"), settings.llm.calibration
    )


def calibrate_language_model(
    dataset: Dataset, tagset: pl.DataFrame, graph: Tables, raw_clues: pl.DataFrame, samples: pl.DataFrame
) -> tuple[Tables, dict[str, Any]]:
    """Return ``rungs``, and where one is calibrated ``reliability`` and ``thresholds`` of its numbers; and the counts.

    Labelled contents go the way of every content, so that their questions are those of the tagging after it and are
    paid once. A chosen tag that people did not give counts as wrong, as everywhere. Nothing is asked without labels.

    Args:
        dataset: opened.
        tagset: ``fused_tagset``.
        graph: ``content_tag_graph``.
        raw_clues: the contents.
        samples: ``knowledge_base``.
    """
    labelled = draw_labelled(raw_clues, samples, dataset.settings)
    if labelled.is_empty():
        return {}, {}
    brain = dataset.tag_model(None, dataset.gather_knowledge(tagset, graph, raw_clues, samples))
    materials = dataset.materials(tagset, graph, raw_clues, brain, samples=samples)
    answered = dataset.load_tagger()(labelled, materials)
    right = samples.filter(pl.col("right")).select(*PAIR, right=pl.lit(1, pl.Int64))
    judged = answered.select(*PAIR, "rung", score="raw_score").join(right, on=PAIR, how="left", maintain_order="left")
    rungs, pairs = fit_rungs(judged.with_columns(pl.col("right").fill_null(0)).drop("tag_id"))
    counts = {"labelled": len(labelled), **tell_rungs(rungs), **materials.counts, **dataset.count_work()}
    if pairs.is_empty():
        return {"rungs": rungs}, counts
    tagging, single = dataset.settings.tagging, dataset.settings.task == "single"
    confidence, said = pairs["confidence"].to_numpy(), pairs["right"].to_numpy()
    reached = (1 if single else tagging.top_k, tagging.target_precision)
    thresholds = fit_thresholds(pairs["content_id"], confidence, said, *reached)
    return {"rungs": rungs, "reliability": bin_record(confidence, said, LADDER), "thresholds": thresholds}, counts


def tell_rungs(rungs: pl.DataFrame) -> dict[str, str]:
    """Return what a language model's numbers are worth, in words for the asset's page; nothing where none was asked."""
    words = []
    for rung, way, pairs, positives, said in rungs.select("rung", "way", "pairs", "positives", "said").rows():
        found = f"says {said:.2f} on average, right in {positives / pairs:.2f} of {pairs:,} pairs"
        words.append(f"{rung}: {found}, {'uncalibrated: too few' if way == TOO_FEW else f'calibrated ({way})'}")
    return {"language model": "; ".join(words)} if words else {}
