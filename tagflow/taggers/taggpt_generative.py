"""TagGPT's generative tagger: propose freely, then match late against the tag set (arXiv 2304.03022 §2.2.1)."""

from typing import Annotated

import polars as pl
from pydantic import Field

from tagflow.graph.matching import match_names
from tagflow.materials import Materials
from tagflow.schemas import TAGGED_OUTPUT
from tagflow.tagset.normalisation import tag_text

NO_NAMES = pl.DataFrame(schema={"key": pl.String, "tag_id": pl.String})
"""Spelling decides nothing here: the paper matches by the encoder alone."""


def tag(
    contents: pl.DataFrame,
    materials: Materials,
    *,
    match: Annotated[float, Field(ge=-1, le=1)] | None = None,
    nearest: Annotated[int, Field(ge=1)] = 10,
) -> pl.DataFrame:
    """Return the ``scored_candidates``: tags whose cosine to a proposal passes the match threshold.

    Confidence is the best product of cosine and proposal score; ``votes`` is the share of the content's proposals that
    match the tag. A content none of whose proposals matches has no row.

    Args:
        contents: to tag.
        materials: what may be used.
        match: least cosine of a proposal and a tag; the encoder's threshold of late matching.
        nearest: tags of a proposal at most (ours: what matches more matches nothing in particular).
    """
    proposals = materials.tag_model.propose(contents).with_columns(said=tag_text(pl.col("tag")))
    tools = (materials.space, materials.encoder, materials.build_index)
    threshold = materials.thresholds.match if match is None else match
    hits = match_names(proposals["said"], NO_NAMES, *tools, threshold=threshold, nearest=nearest)
    matched = (
        proposals.with_columns(proposed=pl.len().over("content_id"))
        .join(hits, on="said")
        .sort("content_id", -(pl.col("cosine") * pl.col("score")), "tag_id", "said")
        .group_by("content_id", "tag_id", maintain_order=True)
        .agg(
            confidence=(pl.col("cosine") * pl.col("score")).max().clip(0, 1),
            votes=pl.len() / pl.col("proposed").first(),
            evidence=pl.format(
                'proposed as "{}", cosine {} to the tag', pl.col("tag").first(), pl.col("cosine").first().round(2)
            ),
        )
    )
    named = matched.join(materials.tagset.select("tag_id", "tag"), on="tag_id", maintain_order="left").with_columns(
        path=pl.lit("late matching"), neighbours=pl.lit([], dtype=pl.List(pl.String))
    )
    return TAGGED_OUTPUT.tables["scored_candidates"].shape(named)
