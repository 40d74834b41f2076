"""LLM4Tag: recall on the content-tag graph, select, judge (arXiv 2502.13481 §3.2-3.4)."""

import polars as pl

from tagflow.confidence.evidence import explain_pairs, explain_rung
from tagflow.materials import Materials, map_contents, recall_pairs
from tagflow.schemas import TAGGED_OUTPUT

JUDGES = True
"""Its confidence is the tag model's judgement."""


def tag(contents: pl.DataFrame, materials: Materials) -> pl.DataFrame:
    """Return the ``scored_candidates``: C2T and C2C2T candidates, judged one by one.

    A pair that nothing could judge has no row; its content stands among the tag model's failures.
    """
    return map_contents(_tag_batch, contents, materials)


def _tag_batch(contents: pl.DataFrame, materials: Materials) -> pl.DataFrame:
    pairs = materials.tag_model.select(recall_pairs(contents, materials), contents)
    confidence = pl.Series(materials.tag_model.judge(pairs, contents)).fill_nan(None)
    rungs = materials.tag_model.rungs.select("content_id", "tag_id", "rung")
    told = pairs.with_columns(confidence=confidence).drop_nulls("confidence")
    judged = told.join(rungs, on=["content_id", "tag_id"], how="left", maintain_order="left").with_columns(
        votes=pl.col("carried").clip(0, 1),
        evidence=pl.concat_str([explain_rung(pl.col("rung")), explain_pairs()], separator="; ", ignore_nulls=True),
    )
    judged = judged.join(materials.tagset.select("tag_id", "tag"), on="tag_id", maintain_order="left")
    return TAGGED_OUTPUT.tables["scored_candidates"].shape(judged)
