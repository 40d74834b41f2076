"""Names in texts: a tag whose name or alias stands in a content's text is joined to it."""

import polars as pl

from tagflow.schemas import CONTENT_TAG_GRAPH
from tagflow.tagset.normalisation import lexical_text, needle_text

EDGE = CONTENT_TAG_GRAPH.tables["content_tag_graph"].dtypes


def link_names(contents: pl.DataFrame, tagset: pl.DataFrame, most: int) -> pl.DataFrame:
    """Return an edge from each content to every tag whose name or alias its packed text says, as whole words.

    The weight is n / (n + 1) for a tag that is said n times. Source: ours.

    Args:
        contents: content_id and text.
        tagset: ``fused_tagset``.
        most: edges a content has at most; the most often said first, ties by tag id.
    """
    names = (
        tagset.select(target="tag_id", name=pl.concat_list("tag", "aliases"))
        .explode("name")
        .select("target", needle=needle_text(pl.col("name")))
        .filter(pl.col("needle").str.strip_chars() != "")
        .unique(maintain_order=True)
    )
    if not len(names):
        return pl.DataFrame(schema=EDGE)
    needles = names["needle"].unique(maintain_order=True)
    said = pl.col("text").pipe(lexical_text).str.extract_many(needles.to_list(), overlapping=True)
    found = contents.select("content_id", needle=said).explode("needle").drop_nulls()
    times = found.join(names, on="needle").group_by("content_id", "target").agg(times=pl.len())
    return (
        times.sort("content_id", -pl.col("times").cast(pl.Int64), "target")
        .filter(pl.int_range(pl.len()).over("content_id") < most)
        .select(
            "content_id",
            "target",
            target_kind=pl.lit("tag"),
            kind=pl.lit("similarity"),
            origin=pl.lit("name"),
            weight=pl.col("times") / (pl.col("times") + 1),
        )
        .cast(EDGE)
    )
