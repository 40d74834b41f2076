"""Contents enter the graph: their vectors and similarity edges, without touching what is there (LLM4Tag §3.2)."""

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tagflow.clues.conversion import has_text
from tagflow.graph.classifier import fit_classifier
from tagflow.graph.edges import GROWN, link_similar
from tagflow.graph.lexical import Lexicon, no_terms, open_terms, read_terms, search_terms, weigh_texts
from tagflow.graph.names import link_names
from tagflow.graph.space import open_space
from tagflow.ports import Encoder, Neighbours, Vectors
from tagflow.schemas import CONTENT_TAG_GRAPH
from tagflow.settings import GraphSettings, Thresholds
from tagflow.tables import Tables
from tagflow.tagset.normalisation import tag_text

BuildIndex = Callable[[Vectors], Neighbours]

SHARED = 0.02  # ours: least cosine of two contents by their words; one common word of a long text lies below

Found = tuple[NDArray[np.int64], Vectors]


def embed_tags(tagset: pl.DataFrame, encoder: Encoder) -> Vectors:
    """Return one unit vector a tag: its name as words, with its description where it has one."""
    return encoder.encode(tagset.select(_describe_tag()).to_series().to_list())


def _describe_tag() -> pl.Expr:
    return pl.concat_str([tag_text(pl.col("tag")), pl.col("description")], separator=". ", ignore_nulls=True)


def embed_contents(contents: pl.DataFrame, encoder: Encoder) -> Vectors:
    """Return one vector a content, from its packed text; all zero for a content without text."""
    said = contents.select(pl.when(has_text()).then(pl.col("text")).otherwise(pl.lit(""))).to_series()
    return encoder.encode(said.to_list())


def weigh_tags(tagset: pl.DataFrame, lexicon: Lexicon | None) -> pl.DataFrame:
    """Return the terms of each tag, from what it is embedded as; none without a lexicon."""
    if lexicon is None:
        return no_terms(len(tagset))
    return weigh_texts(tagset.select(_describe_tag()).to_series().to_list(), lexicon)


def weigh_contents(contents: pl.DataFrame, lexicon: Lexicon | None) -> pl.DataFrame:
    """Return the terms of each content, from all its fields; none without a lexicon."""
    return no_terms(len(contents)) if lexicon is None else weigh_texts(read_terms(contents), lexicon)


def describe_vectors(
    nodes: pl.Series,
    kind: str,
    vectors: Vectors,
    fingerprint: str,
    sources: pl.Series | None = None,
    terms: pl.DataFrame | None = None,
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
    ).hstack(no_terms(len(nodes)) if terms is None else terms)


def build_graph(
    contents: pl.DataFrame,
    history: pl.DataFrame,
    tagset: pl.DataFrame,
    encoder: Encoder,
    build_index: BuildIndex,
    settings: GraphSettings,
    thresholds: Thresholds,
    lexicon: Lexicon | None = None,
) -> Tables:
    """Return the ``content_tag_graph`` of all contents.

    Args:
        contents: ``raw_clues``.
        history: deterministic edges; the contents that have one may be neighbours, a grown one alone is not enough.
        tagset: ``fused_tagset``.
        encoder: spans the space.
        build_index: makes a nearest-neighbour index.
        settings: how many neighbours and tags.
        thresholds: delta_ct and delta_cc.
        lexicon: what weighs words; without one no edge and no score comes from words.
    """
    vectors, tag_vectors = embed_contents(contents, encoder), embed_tags(tagset, encoder)
    lists = weigh_contents(contents, lexicon)
    terms = open_terms(lists)
    votes = _votes(contents, history)
    voters, rows = contents.filter(votes), np.flatnonzero(votes.to_numpy())
    tags = (tagset["tag_id"], tag_vectors)
    ids, hashes, made = contents["content_id"], contents["content_hash"], encoder.fingerprint
    edges = [
        history,
        insert_contents(contents, vectors, (voters, vectors[rows]), tags, build_index, settings, thresholds),
        link_words(contents, terms, (voters, terms[rows]), settings),
        link_names(contents, tagset, settings.named),
    ]
    nodes = [
        describe_vectors(ids, "content", vectors, made, hashes, lists),
        describe_vectors(tagset["tag_id"], "tag", tag_vectors, made, terms=weigh_tags(tagset, lexicon)),
    ]
    learned = fit_classifier(history, (ids, vectors, terms))
    none = CONTENT_TAG_GRAPH.tables["grown"].empty()
    return {"content_tag_graph": pl.concat(edges), "vectors": pl.concat(nodes), **learned, "grown": none}


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
    return graph | {
        "classifier": graph["classifier"].filter(~pl.col("content_id").is_in(ids)),
        "content_tag_graph": edges.filter(~pl.col("content_id").is_in(ids) & ~to_them),
        "grown": graph["grown"].filter(~pl.col("content_id").is_in(ids)),
        "vectors": vectors.filter((pl.col("node_kind") == "tag") | ~pl.col("node").is_in(ids)),
    }


def extend_graph(
    graph: Tables,
    known: pl.DataFrame,
    new: pl.DataFrame,
    tagset: pl.DataFrame,
    encoder: Encoder,
    build_index: BuildIndex,
    settings: GraphSettings,
    thresholds: Thresholds,
    lexicon: Lexicon | None = None,
) -> Tables:
    """Return the graph with new contents in it: their vectors and similarity edges, and all that was there.

    Args:
        graph: ``content_tag_graph`` as built.
        known: ``raw_clues`` of the contents in it.
        new: ``raw_clues`` of the new contents.
        tagset: ``fused_tagset``.
        encoder: the encoder the graph was built with.
        build_index: makes a nearest-neighbour index.
        settings: how many neighbours and tags.
        thresholds: delta_ct and delta_cc.
        lexicon: the one the graph was built with.
    """
    space = open_space(graph)
    placed = known.join(space.contents.rename({"node": "content_id"}), on="content_id", maintain_order="left")
    history = graph["content_tag_graph"].filter(pl.col("kind") == "deterministic")
    voters = placed.filter(_votes(placed, history))
    rows = voters["row"].to_numpy()
    vectors, lists = embed_contents(new, encoder), weigh_contents(new, lexicon)
    tags = (space.tags["node"], space.tag_vectors)
    known_vectors = (voters, space.content_vectors[rows])
    edges = [
        graph["content_tag_graph"],
        insert_contents(new, vectors, known_vectors, tags, build_index, settings, thresholds),
        link_words(new, open_terms(lists), (voters, space.content_terms[rows]), settings),
        link_names(new, tagset, settings.named),
    ]
    nodes = describe_vectors(new["content_id"], "content", vectors, encoder.fingerprint, new["content_hash"], lists)
    return graph | {
        "content_tag_graph": pl.concat(edges),
        "vectors": pl.concat([graph["vectors"], nodes]),
    }


def _votes(contents: pl.DataFrame, history: pl.DataFrame) -> pl.Series:
    """Whether a content has text and a deterministic edge that is not grown."""
    linked = history.filter(pl.col("origin") != GROWN)["content_id"].implode()
    return contents["content_id"].is_in(linked) & contents.select(has_text()).to_series()


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
    near = _find_neighbours(
        contents.filter(pl.Series(spoken)),
        voters[0],
        lambda first: build_index(voters[1][first]).search(queries, settings.neighbours + 1),
        origin="encoder",
        threshold=thresholds.delta_cc,
        most=settings.neighbours,
    )
    fitting = link_similar(
        ids,
        build_index(tags[1]).search(queries, settings.c2t),
        tags[0],
        "tag",
        threshold=thresholds.delta_ct,
        most=settings.c2t,
    )
    return pl.concat([near, fitting])


def link_words(
    contents: pl.DataFrame, terms: csr_array, voters: tuple[pl.DataFrame, csr_array], settings: GraphSettings
) -> pl.DataFrame:
    """Return the edges of contents to the voters that share the rarest words with them (see ``insert_contents``).

    Args:
        contents: content_id, content_hash.
        terms: one row a content.
        voters: content_id and content_hash of the contents with a deterministic edge, and their terms.
        settings: how many neighbours.
    """
    return _find_neighbours(
        contents,
        voters[0],
        lambda first: search_terms(terms, voters[1][first], settings.neighbours + 1),
        origin="terms",
        threshold=SHARED,
        most=settings.neighbours,
    )


def _find_neighbours(
    contents: pl.DataFrame,
    voters: pl.DataFrame,
    search: Callable[[NDArray[np.int64]], Found],
    *,
    origin: str,
    threshold: float,
    most: int,
) -> pl.DataFrame:
    """The first of several copies stands for all, so that copies crowd out nobody; ``search`` takes their places."""
    first = voters.select("content_id", "content_hash").with_row_index("place")
    first = first.unique("content_hash", keep="first", maintain_order=True)
    near = link_similar(
        contents["content_id"],
        search(first["place"].to_numpy()),
        first["content_id"],
        "content",
        origin=origin,
        threshold=threshold,
        most=most + 1,
    )
    hashed = near.join(contents.select("content_id", own="content_hash"), on="content_id", maintain_order="left").join(
        first.select(target="content_id", other="content_hash"), on="target", maintain_order="left"
    )
    others = hashed.filter(pl.col("own") != pl.col("other")).select(near.columns)
    return others.filter(pl.int_range(pl.len()).over("content_id") < most)
