"""Contents enter the graph: their vectors and similarity edges, without touching what is there (LLM4Tag §3.2)."""

from collections.abc import Callable

import polars as pl

from tagflow.clues.conversion import has_text
from tagflow.graph.edges import link_similar
from tagflow.graph.space import open_space
from tagflow.ports import Encoder, Neighbours, Vectors
from tagflow.settings import GraphSettings, Thresholds
from tagflow.tables import Tables
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


def describe_vectors(
    nodes: pl.Series, kind: str, vectors: Vectors, fingerprint: str, sources: pl.Series | None = None
) -> pl.DataFrame:
    """Return rows of the graph's ``vectors`` table; ``sources`` (default: the nodes) hash what was embedded."""
    return pl.DataFrame(
        {
            "node": nodes,
            "node_kind": pl.repeat(kind, len(nodes), eager=True),
            "source_hash": nodes if sources is None else sources,
            "fingerprint": pl.repeat(fingerprint, len(nodes), eager=True),
            "vector": pl.Series(vectors, dtype=pl.Array(pl.Float32, vectors.shape[1])),
        }
    )


def build_graph(
    contents: pl.DataFrame,
    history: pl.DataFrame,
    tagset: pl.DataFrame,
    encoder: Encoder,
    build_index: BuildIndex,
    settings: GraphSettings,
    thresholds: Thresholds,
) -> Tables:
    """Return the ``content_tag_graph`` of all contents.

    Args:
        contents: ``raw_clues``.
        history: deterministic edges; the contents that have one may be neighbours.
        tagset: ``fused_tagset``.
        encoder: spans the space.
        build_index: makes a nearest-neighbour index.
        settings: how many neighbours and tags.
        thresholds: delta_ct and delta_cc.
    """
    vectors, tag_vectors = embed_contents(contents, encoder), embed_tags(tagset, encoder)
    voters = _choose_voters(contents, vectors, history)
    tags = (tagset["tag_id"], tag_vectors)
    similar = insert_contents(contents, vectors, voters, tags, build_index, settings, thresholds)
    nodes = [
        describe_vectors(contents["content_id"], "content", vectors, encoder.fingerprint, contents["content_hash"]),
        describe_vectors(tagset["tag_id"], "tag", tag_vectors, encoder.fingerprint),
    ]
    return {"content_tag_graph": pl.concat([history, similar]), "vectors": pl.concat(nodes)}


def find_changes(graph: Tables, raw_clues: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """Return the contents that are new or changed since the graph was made, and the ids of those it must forget.

    Args:
        graph: ``content_tag_graph``.
        raw_clues: the contents as they are now.
    """
    placed = graph["vectors"].filter(pl.col("node_kind") == "content")
    nodes = placed.select(content_id="node", content_hash="source_hash")
    new = raw_clues.join(nodes, on=["content_id", "content_hash"], how="anti", maintain_order="left")
    stale = nodes.join(raw_clues, on=["content_id", "content_hash"], how="anti")
    return new, stale["content_id"]


def forget_contents(graph: Tables, gone: pl.Series) -> Tables:
    """Return the graph without some contents: their vectors, and every edge from or to them."""
    ids = gone.implode()
    edges, vectors = graph["content_tag_graph"], graph["vectors"]
    to_them = (pl.col("target_kind") == "content") & pl.col("target").is_in(ids)
    return {
        "content_tag_graph": edges.filter(~pl.col("content_id").is_in(ids) & ~to_them),
        "vectors": vectors.filter((pl.col("node_kind") == "tag") | ~pl.col("node").is_in(ids)),
    }


def extend_graph(
    graph: Tables,
    known: pl.DataFrame,
    new: pl.DataFrame,
    encoder: Encoder,
    build_index: BuildIndex,
    settings: GraphSettings,
    thresholds: Thresholds,
) -> Tables:
    """Return the graph with new contents in it: their vectors and similarity edges, and all that was there.

    Args:
        graph: ``content_tag_graph`` as built.
        known: ``raw_clues`` of the contents in it.
        new: ``raw_clues`` of the new contents.
        encoder: the encoder the graph was built with.
        build_index: makes a nearest-neighbour index.
        settings: how many neighbours and tags.
        thresholds: delta_ct and delta_cc.
    """
    space = open_space(graph["vectors"])
    placed = known.join(space.contents.rename({"node": "content_id"}), on="content_id", maintain_order="left")
    history = graph["content_tag_graph"].filter(pl.col("kind") == "deterministic")
    voters = _choose_voters(placed, space.content_vectors[placed["row"].to_numpy()], history)
    vectors = embed_contents(new, encoder)
    tags = (space.tags["node"], space.tag_vectors)
    edges = insert_contents(new, vectors, voters, tags, build_index, settings, thresholds)
    nodes = describe_vectors(new["content_id"], "content", vectors, encoder.fingerprint, new["content_hash"])
    return {
        "content_tag_graph": pl.concat([graph["content_tag_graph"], edges]),
        "vectors": pl.concat([graph["vectors"], nodes]),
    }


def _choose_voters(contents: pl.DataFrame, vectors: Vectors, history: pl.DataFrame) -> tuple[pl.DataFrame, Vectors]:
    """The contents with text and a deterministic edge."""
    votes = contents["content_id"].is_in(history["content_id"].implode()) & contents.select(has_text()).to_series()
    return contents.filter(votes), vectors[votes.to_numpy()]


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

    A content without text has none. Neither a content nor its exact duplicate (same content hash) is its neighbour, and
    of several copies of another content the first stands for all.

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
    """The first of several copies stands for all, so that copies crowd out nobody."""
    first = voters[0].with_row_index("place").unique("content_hash", keep="first", maintain_order=True)
    near = link_similar(
        contents["content_id"],
        build_index(voters[1][first["place"].to_numpy()]).search(queries, settings.neighbours + 1),
        first["content_id"],
        "content",
        threshold=thresholds.delta_cc,
        most=settings.neighbours + 1,
    )
    hashed = near.join(contents.select("content_id", own="content_hash"), on="content_id", maintain_order="left").join(
        first.select(target="content_id", other="content_hash"), on="target", maintain_order="left"
    )
    others = hashed.filter(pl.col("own") != pl.col("other")).select(near.columns)
    return others.filter(pl.int_range(pl.len()).over("content_id") < settings.neighbours)
