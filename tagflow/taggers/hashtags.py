"""Hashtags: what the authors themselves wrote behind ``#``, mapped to the tag set (the human baseline of TagGPT §3.1).

A hashtag is a tag by its name or alias, or else by the nearest tag if that is near enough.
"""

from typing import Annotated

import polars as pl
from pydantic import Field

from tagflow.clues.hashtags import split_hashtag
from tagflow.graph.matching import explain_match, match_names
from tagflow.materials import Materials
from tagflow.schemas import TAGGED_OUTPUT
from tagflow.tagset.vocabulary import resolve_tags

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
    tools = (resolve_tags(materials.tagset), materials.space, materials.encoder, materials.build_index)
    threshold = materials.thresholds.match if match is None else match
    found = match_names(said["said"], *tools, threshold=threshold)
    best = (
        said.join(found, on="said", maintain_order="left_right")
        .sort("content_id", -pl.col("cosine"), "tag_id", "said")
        .unique(["content_id", "tag_id"], keep="first", maintain_order=True)
        .join(materials.tagset.select("tag_id", "tag"), on="tag_id", maintain_order="left")
        .with_columns(
            confidence=pl.col("cosine").clip(0, 1),
            path=pl.lit("hashtag"),
            neighbours=pl.lit([], dtype=pl.List(pl.String)),
            votes=pl.lit(1.0),
            evidence=pl.format("its own hashtag {}", explain_match()),
        )
    )
    return TAGGED_OUTPUT.tables["scored_candidates"].shape(best)
