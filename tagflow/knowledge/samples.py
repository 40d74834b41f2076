"""Samples with right and wrong tags, taken from what people annotated (LLM4Tag §3.3.2)."""

import polars as pl


def collect_samples(deterministic: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Return the ``knowledge_base``: every annotated tag is right; a recalled tag nobody annotated is presumed wrong.

    Only tags that somebody used as an annotation can be presumed wrong: where nobody ever used a tag, its absence
    says nothing. Source of the presumption: ours.

    Args:
        deterministic: deterministic edges (none of the test split).
        candidates: content_id and tag_id recalled for contents outside the test split.
    """
    human = deterministic.filter(pl.col("origin") == "human")
    right = human.select("content_id", tag_id="target", right=pl.lit(True), origin=pl.lit("annotated"))
    wrong = (
        candidates.select("content_id", "tag_id")
        .join(human.select("content_id").unique(), on="content_id", how="semi")
        .join(human.select(tag_id="target").unique(), on="tag_id", how="semi")
        .join(right, on=["content_id", "tag_id"], how="anti")
        .with_columns(right=pl.lit(False), origin=pl.lit("presumed"))
    )
    return pl.concat([right, wrong.select(right.columns)]).sort("content_id", "tag_id")
