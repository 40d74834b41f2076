"""Recall: the candidates of a content along C2T and C2C2T (LLM4Tag §3.2, eq. 4-6), by its words and by names (ours)."""

import polars as pl

from tagflow.graph.edges import GROWN, PEOPLE
from tagflow.settings import GraphSettings

NEIGHBOURS_SHOWN = 3  # ours
PAIR = ["content_id", "tag_id"]
PATHS = ("C2T", "C2C2T", "lexical", "name")
"""Ways of recall, in the order in which a path names them; what only growth brings has the path ``grown``."""

COPY = 0.95  # ours: contents as near as that are one content twice, and one does not speak for the other


def recall_by_tag(similarity: pl.DataFrame, most: int) -> pl.DataFrame:
    """Return the candidates of C2T: tags joined to the content by a similarity edge, nearest first (eq. 4).

    Args:
        similarity: similarity edges.
        most: candidates a content has at most.

    Returns:
        content_id, tag_id, c2t (cosine).
    """
    edges = similarity.filter((pl.col("target_kind") == "tag") & (pl.col("origin") == "encoder"))
    named = edges.select("content_id", tag_id="target", c2t="weight")
    return named.sort("content_id", -pl.col("c2t"), "tag_id").filter(_first(most))


def recall_by_name(similarity: pl.DataFrame, most: int) -> pl.DataFrame:
    """Return the tags whose name or alias the content says: content_id, tag_id, mentions (n / (n + 1) for n times)."""
    edges = similarity.filter(pl.col("origin") == "name").select("content_id", tag_id="target", mentions="weight")
    return edges.sort("content_id", -pl.col("mentions"), "tag_id").filter(_first(most))


def recall_by_neighbour(similarity: pl.DataFrame, deterministic: pl.DataFrame, origin: str = "encoder") -> pl.DataFrame:
    """Return every candidate of C2C2T: tags joined by history to contents that resemble the content (eq. 5).

    Args:
        similarity: similarity edges; those to contents are used.
        deterministic: deterministic edges of the contents that may vote.
        origin: encoder (neighbours in meaning) or terms (neighbours that share rare words).

    Returns:
        content_id, tag_id; human, machine and carried: similarity-weighted share of the neighbourhood that carries the
        tag by an edge of people, of the machine, by any, each in [0, 1]; c2c2t: carried, weighted by the heaviest edge
        of each carrier; neighbours: ids of the nearest carriers, at most 3; carriers: how many there are. A content
        without neighbours has no row. Source: ours.
    """
    near = _share_neighbours(similarity, origin)
    first_hand = deterministic.filter(pl.col("origin") != GROWN)
    history = first_hand.group_by(neighbour="content_id", tag_id="target").agg(
        by_people=pl.col("origin").is_in(PEOPLE).any(),
        by_machine=(~pl.col("origin").is_in(PEOPLE)).any(),
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


def recall_by_growth(similarity: pl.DataFrame, deterministic: pl.DataFrame) -> pl.DataFrame:
    """Return every tag that tagflow itself gave to contents that resemble the content, the strongest first.

    Copies of the content (from a cosine of ``COPY`` on) bring nothing, so that an answer does not return to its text.

    Returns:
        content_id, tag_id; growth: similarity-weighted share of the neighbourhood, weighted by the edges; growers: ids
        of the nearest carriers, at most 3; grown_carriers: how many there are. Source: ours.
    """
    grown = deterministic.filter(pl.col("origin") == GROWN)
    near = _share_neighbours(similarity, "encoder").filter(pl.col("closeness") < COPY)
    return (
        near.join(grown.select(neighbour="content_id", tag_id="target", weight="weight"), on="neighbour")
        .sort("content_id", -pl.col("closeness"), "neighbour", "tag_id")
        .group_by("content_id", "tag_id", maintain_order=True)
        .agg(
            growth=(pl.col("share") * pl.col("weight")).sum(),
            growers=pl.col("neighbour").head(NEIGHBOURS_SHOWN),
            grown_carriers=pl.len().cast(pl.Int64),
        )
        .sort("content_id", -pl.col("growth"), "tag_id")
    )


def _share_neighbours(similarity: pl.DataFrame, origin: str) -> pl.DataFrame:
    """Each neighbour of a content with its share of the neighbourhood; one of opposites only has nothing to share."""
    edges = similarity.filter((pl.col("target_kind") == "content") & (pl.col("origin") == origin))
    positive = pl.col("weight").clip(0)
    share = (positive / positive.sum().over("content_id")).fill_nan(0.0)
    return edges.select("content_id", neighbour="target", closeness="weight", share=share)


def recall_by_words(similarity: pl.DataFrame, deterministic: pl.DataFrame) -> pl.DataFrame:
    """Return every tag of the contents that share rare words with the content, as ``recall_by_neighbour`` does.

    Returns:
        content_id, tag_id; lexical: similarity-weighted share of those contents that people gave the tag; sharing:
        their shares by the heaviest edge of each; sharers: ids of the nearest carriers; word_carriers: how many.
    """
    found = recall_by_neighbour(similarity, deterministic, "terms")
    renamed = {"human": "lexical", "c2c2t": "sharing", "neighbours": "sharers", "carriers": "word_carriers"}
    return found.select(*PAIR, *renamed).rename(renamed)


def recall_candidates(similarity: pl.DataFrame, deterministic: pl.DataFrame, settings: GraphSettings) -> pl.DataFrame:
    """Return the union of all paths, each capped (eq. 6).

    Returns:
        content_id, tag_id, c2t (null off that path), human, machine, carried, c2c2t (0 without a carrier), neighbours,
        carriers, lexical, word_carriers, mentions (0 off those paths), grown_carriers and path (``PATHS`` joined by
        +). A tag keeps the figures of every path it is on, whichever cap it passed; where no near content carries it,
        the neighbours are those that share its words. With ``grow``, up to ``grown`` tags a content that no path found
        follow, with ``grown`` as path and no other figures.
    """
    by_tag, by_name = recall_by_tag(similarity, settings.c2t), recall_by_name(similarity, settings.named)
    votes, words = recall_by_neighbour(similarity, deterministic), recall_by_words(similarity, deterministic)
    by_neighbour = votes.sort("content_id", -pl.col("c2c2t"), "tag_id").filter(_first(settings.c2c2t))
    by_words = words.sort("content_id", -pl.col("sharing"), "tag_id").filter(_first(settings.lexical))
    joined = pl.concat([found.select(PAIR) for found in (by_tag, by_neighbour, by_words, by_name)])
    joined = joined.unique(maintain_order=True)
    for found in (by_tag, votes, words, by_name):
        joined = joined.join(found, on=PAIR, how="left", maintain_order="left")
    on_path = (
        pl.col("c2t").is_not_null(),
        pl.col("carriers") > 0,
        pl.col("word_carriers") > 0,
        pl.col("mentions") > 0,
    )
    nobody = pl.lit([], dtype=pl.List(pl.String))
    recalled = (
        joined.with_columns(
            pl.col("human", "machine", "carried", "c2c2t", "lexical", "mentions").fill_null(0.0),
            pl.col("carriers", "word_carriers").fill_null(0),
            neighbours=pl.coalesce("neighbours", "sharers", nobody),
        )
        .with_columns(
            path=pl.concat_str(
                [pl.when(on).then(pl.lit(name)) for on, name in zip(on_path, PATHS, strict=True)],
                separator="+",
                ignore_nulls=True,
            )
        )
        .drop("sharing", "sharers")
        .with_columns(grown_carriers=pl.lit(0, pl.Int64))
    )
    if not settings.grow:
        return recalled
    more = recall_by_growth(similarity, deterministic).join(joined, on=PAIR, how="anti", maintain_order="left")
    more = more.filter(_first(settings.grown)).select(*PAIR, "grown_carriers", neighbours="growers", path=pl.lit(GROWN))
    figures = [pl.lit(0, recalled.schema[name]).alias(name) for name in recalled.columns if name not in more.columns]
    unseen = more.with_columns(figures).with_columns(c2t=pl.lit(None, pl.Float64))
    return pl.concat([recalled, unseen.select(recalled.columns)])


def _first(most: int) -> pl.Expr:
    return pl.int_range(pl.len()).over("content_id") < most
