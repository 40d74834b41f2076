"""Contents enter the graph: their vectors and similarity edges, without touching what is there (LLM4Tag §3.2)."""

from collections.abc import Callable

import polars as pl

from tagflow.clues.conversion import has_text
from tagflow.graph.edges import link_similar
from tagflow.ports import Encoder, Neighbours, Vectors
from tagflow.settings import GraphSettings, Thresholds
from tagflow.tagset.normalisation import tag_text

BuildIndex = Callable[[Vectors], Neighbours]


def embed_tags(tagset: pl.DataFrame, encoder: Encoder) -> Vectors:
    """Return one unit vector a tag: its name as words, with its description where it has one."""
    text = pl.concat_str([tag_text(pl.col("tag")), pl.col("description")], separator=". ", ignore_nulls=True)
    return encoder.encode(tagset.select(text).to_series().to_list())


def embed_contents(contents: pl.DataFrame, encoder: Encoder) -> Vectors:
    """Return one vector a content, from its packed text; all zero for a content without text."""
    said = contents.select(pl.when(has_text()).then(pl.col("text")).otherwise(pl.lit(""))).to_series()
    return encoder.encode(said.to_list())


def describe_vectors(nodes: pl.Series, kind: str, vectors: Vectors, fingerprint: str) -> pl.DataFrame:
    """Return rows of the graph's ``vectors`` table."""
    return pl.DataFrame(
        {
            "node": nodes,
            "node_kind": pl.repeat(kind, len(nodes), eager=True),
            "fingerprint": pl.repeat(fingerprint, len(nodes), eager=True),
            "vector": pl.Series(vectors, dtype=pl.Array(pl.Float32, vectors.shape[1])),
        }
    )


def insert_contents(
    contents: pl.DataFrame,
    vectors: Vectors,
    voters: tuple[pl.DataFrame, Vectors],
    tags: tuple[pl.Series, Vectors],
    build_index: BuildIndex,
    settings: GraphSettings,
    thresholds: Thresholds,
) -> pl.DataFrame:
    """Return the similarity edges of contents: to the nearest voters and to the nearest tags.

    A content without text has none; neither a content nor its exact duplicate (same content hash) is its neighbour.

    Args:
        contents: content_id, content_hash, text.
        vectors: one row a content.
        voters: content_id and content_hash of the contents with a deterministic edge, and their vectors.
        tags: tag ids and their vectors.
        build_index: makes a nearest-neighbour index.
        settings: how many neighbours and tags.
        thresholds: delta_ct and delta_cc.
    """
    spoken = contents.select(has_text()).to_series().to_numpy()
    ids, queries = contents["content_id"].filter(pl.Series(spoken)), vectors[spoken]
    near = _find_neighbours(contents.filter(pl.Series(spoken)), queries, voters, build_index, settings, thresholds)
    fitting = link_similar(
        ids,
        build_index(tags[1]).search(queries, settings.c2t),
        tags[0],
        "tag",
        threshold=thresholds.delta_ct,
        most=settings.c2t,
    )
    return pl.concat([near, fitting])


def _find_neighbours(
    contents: pl.DataFrame,
    queries: Vectors,
    voters: tuple[pl.DataFrame, Vectors],
    build_index: BuildIndex,
    settings: GraphSettings,
    thresholds: Thresholds,
) -> pl.DataFrame:
    """One voter a content hash is searched and stands for its duplicates, so that copies crowd out nobody."""
    frame, vectors = voters
    first = frame.with_row_index("place").unique("content_hash", keep="first", maintain_order=True)
    near = link_similar(
        contents["content_id"],
        build_index(vectors[first["place"].to_numpy()]).search(queries, settings.neighbours + 1),
        first["content_hash"],
        "content",
        threshold=thresholds.delta_cc,
        most=settings.neighbours + 1,
    )
    hashed = near.join(contents.select("content_id", own="content_hash"), on="content_id", maintain_order="left")
    copies = frame.select(target="content_hash", copy="content_id")
    others = hashed.filter(pl.col("own") != pl.col("target")).join(copies, on="target", maintain_order="left_right")
    shown = others.with_columns(target="copy").select(near.columns)
    return shown.filter(pl.int_range(pl.len()).over("content_id") < settings.neighbours)
