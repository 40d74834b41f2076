"""Recall: the candidates of a content along the meta-paths C2T and C2C2T (LLM4Tag §3.2, eq. 4-6)."""

import polars as pl

from tagflow.settings import GraphSettings

NEIGHBOURS_SHOWN = 3  # ours


def recall_by_tag(similarity: pl.DataFrame, most: int) -> pl.DataFrame:
    """Return the candidates of C2T: tags joined to the content by a similarity edge, nearest first (eq. 4).

    Args:
        similarity: similarity edges.
        most: candidates a content has at most.

    Returns:
        content_id, tag_id, c2t (cosine).
    """
    edges = similarity.filter(pl.col("target_kind") == "tag").select("content_id", tag_id="target", c2t="weight")
    return edges.sort("content_id", -pl.col("c2t"), "tag_id").filter(_first(most))


def recall_by_neighbour(similarity: pl.DataFrame, deterministic: pl.DataFrame) -> pl.DataFrame:
    """Return every candidate of C2C2T: tags joined by history to contents that resemble the content (eq. 5).

    Args:
        similarity: similarity edges; those to contents are used.
        deterministic: deterministic edges of the contents that may vote.

    Returns:
        content_id, tag_id; human, machine and carried: similarity-weighted share of the neighbourhood that carries the
        tag by an edge of people, of the machine, by any, each in [0, 1]; c2c2t: carried, weighted by the heaviest edge
        of each carrier; neighbours: ids of the nearest carriers, at most 3; carriers: how many there are. A content
        without neighbours has no row. Source: ours.
    """
    near = (
        similarity.filter(pl.col("target_kind") == "content")
        .select(
            "content_id",
            neighbour="target",
            closeness="weight",
            share=pl.col("weight").clip(0) / pl.col("weight").clip(0).sum().over("content_id"),
        )
        .with_columns(pl.col("share").fill_nan(0.0))
    )  # a neighbourhood of opposites only has nothing to share
    history = deterministic.group_by(neighbour="content_id", tag_id="target").agg(
        by_people=(pl.col("origin") == "human").any(),
        by_machine=(pl.col("origin") != "human").any(),
        weight=pl.col("weight").max(),
    )
    return (
        near.join(history, on="neighbour")
        .sort("content_id", -pl.col("closeness"), "neighbour", "tag_id")
        .group_by("content_id", "tag_id", maintain_order=True)
        .agg(
            human=pl.col("share").filter("by_people").sum(),
            machine=pl.col("share").filter("by_machine").sum(),
            carried=pl.col("share").sum(),
            c2c2t=(pl.col("share") * pl.col("weight")).sum(),
            neighbours=pl.col("neighbour").head(NEIGHBOURS_SHOWN),
            carriers=pl.len().cast(pl.Int64),
        )
    )


def recall_candidates(similarity: pl.DataFrame, deterministic: pl.DataFrame, settings: GraphSettings) -> pl.DataFrame:
    """Return the union of both paths, each capped (eq. 6).

    Returns:
        content_id, tag_id, c2t (null off that path), human, machine, carried, c2c2t (0 without a carrier), neighbours,
        carriers and path (C2T, C2C2T or C2T+C2C2T). A tag on both paths keeps the figures of both, whichever cap it
        passed.
    """
    by_tag = recall_by_tag(similarity, settings.c2t)
    votes = recall_by_neighbour(similarity, deterministic)
    by_neighbour = (
        votes.sort("content_id", -pl.col("c2c2t"), "tag_id")
        .filter(_first(settings.c2c2t))
        .select("content_id", "tag_id")
    )
    pairs = pl.concat([by_tag.select("content_id", "tag_id"), by_neighbour]).unique(maintain_order=True)
    joined = pairs
    for found in (by_tag, votes):
        joined = joined.join(found, on=["content_id", "tag_id"], how="left", maintain_order="left")
    return joined.with_columns(
        pl.col("human", "machine", "carried", "c2c2t").fill_null(0.0),
        pl.col("carriers").fill_null(0),
        pl.col("neighbours").fill_null(pl.lit([], dtype=pl.List(pl.String))),
    ).with_columns(
        path=pl.when(pl.col("carriers") == 0)
        .then(pl.lit("C2T"))
        .when(pl.col("c2t").is_null())
        .then(pl.lit("C2C2T"))
        .otherwise(pl.lit("C2T+C2C2T"))
    )


def _first(most: int) -> pl.Expr:
    return pl.int_range(pl.len()).over("content_id") < most
