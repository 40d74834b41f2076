"""TagGPT's generative tagger: propose freely, then match late against the tag set (arXiv 2304.03022 §2.2.1)."""

import numpy as np
import polars as pl

from tagflow.materials import Materials
from tagflow.schemas import TAGGED_OUTPUT
from tagflow.tagset.normalisation import tag_text

NEAREST = 10  # ours: a proposal that matches more tags than this matches nothing in particular


def tag(contents: pl.DataFrame, materials: Materials) -> pl.DataFrame:
    """Return the ``scored_candidates``: tags whose cosine to a proposal passes the match threshold.

    Confidence is the best product of cosine and proposal score; ``votes`` is the share of the content's proposals that
    match the tag. A content none of whose proposals matches has no row.
    """
    proposals = materials.tag_model.propose(contents).with_columns(said=tag_text(pl.col("tag")))
    texts = proposals["said"].unique(maintain_order=True)
    vectors = materials.encoder.encode(texts.to_list())
    indices, cosines = materials.build_index(materials.space.tag_vectors).search(vectors, NEAREST)
    width = indices.shape[1]
    hits = pl.DataFrame(
        {
            "said": texts.gather(np.repeat(np.arange(len(texts)), width)),
            "tag_id": materials.space.tags["node"].gather(indices.ravel()),
            "cosine": cosines.ravel().astype(np.float64),
        }
    ).filter(pl.col("cosine") >= materials.thresholds.match)
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
