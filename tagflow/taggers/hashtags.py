"""Hashtags: what the authors themselves wrote behind ``#``, mapped to the tag set (the human baseline of TagGPT §3.1).

A hashtag is a tag by its name or alias, or else by the nearest tag if that is near enough.
"""

from typing import Annotated

import polars as pl
from pydantic import Field

from tagflow.clues.hashtags import split_hashtag
from tagflow.graph.matching import explain_match
from tagflow.materials import Materials, match_said, shape_scored

NEEDS = ("hashtags",)


def tag(
    contents: pl.DataFrame, materials: Materials, *, match: Annotated[float, Field(ge=-1, le=1)] | None = None
) -> pl.DataFrame:
    """Return the ``scored_candidates``: the tags that a content's hashtags stand for; confidence is the best cosine.

    Args:
        contents: to tag.
        materials: what may be used.
        match: least cosine where the spelling does not decide; the encoder's threshold of late matching.
    """
    said = (
        contents.select("content_id", said=pl.col("hashtags").list.eval(split_hashtag(pl.element())))
        .explode("said")
        .drop_nulls()
    )
    threshold = materials.thresholds.match if match is None else match
    found = match_said(said, materials, threshold=threshold, nearest=1)
    best = (
        found.sort("content_id", -pl.col("cosine"), "tag_id", "said")
        .unique(["content_id", "tag_id"], keep="first", maintain_order=True)
        .with_columns(score=pl.col("cosine"), votes=pl.lit(1.0))
    )
    return shape_scored(best, materials, "hashtag", pl.format("its own hashtag {}", explain_match()))
