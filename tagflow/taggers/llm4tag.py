"""LLM4Tag: recall on the content-tag graph, select, judge (arXiv 2502.13481 §3.2-3.4)."""

import polars as pl

from tagflow.confidence.evidence import explain_pairs
from tagflow.materials import Materials, map_contents, recall_pairs
from tagflow.schemas import TAGGED_OUTPUT

JUDGES = True
"""Its confidence is the tag model's judgement."""


def tag(contents: pl.DataFrame, materials: Materials) -> pl.DataFrame:
    """Return the ``scored_candidates``: C2T and C2C2T candidates, judged one by one."""
    return map_contents(_tag_batch, contents, materials)


def _tag_batch(contents: pl.DataFrame, materials: Materials) -> pl.DataFrame:
    pairs = materials.tag_model.select(recall_pairs(contents, materials))
    judged = pairs.with_columns(
        confidence=pl.Series(materials.tag_model.judge(pairs)),
        votes=pl.col("carried").clip(0, 1),
        evidence=explain_pairs(),
    ).join(materials.tagset.select("tag_id", "tag"), on="tag_id", maintain_order="left")
    return TAGGED_OUTPUT.tables["scored_candidates"].shape(judged)
