"""Recall features: what the embedded judge sees of a (content, tag) pair."""

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from tagflow.graph.space import Space
from tagflow.ports import Vectors
from tagflow.tagset.normalisation import lexical_text, needle_text

HISTORY_FEATURES = ("human", "centroid", "prior")
"""Features that only people's annotations of the tag can give."""

FEATURES = (*HISTORY_FEATURES, "cosine", "machine", "machine_prior", "named", "headlined")
"""Features of the judge; all are computed without the pair's own edge (leave-one-out)."""


def add_features(
    pairs: pl.DataFrame, texts: pl.DataFrame, tagset: pl.DataFrame, deterministic: pl.DataFrame, space: Space
) -> pl.DataFrame:
    """Return the pairs with every feature of ``FEATURES``, ``annotated`` and ``found``.

    ``annotated``: whether people used the tag elsewhere. ``found``: the name or alias that stands in the text, or null.

    A content's own edges never speak for its own pairs: they are taken out of centroid and prior, and recall has no
    edge from a content to itself.

    Args:
        pairs: content_id, tag_id, human, machine (see ``recall_candidates``).
        texts: content_id, text (packed) of the contents in ``pairs``.
        tagset: ``fused_tagset``.
        deterministic: deterministic edges.
        space: vectors of every content and tag in ``pairs`` and of every content with a deterministic edge.
    """
    rows = pairs.select("content_id", "tag_id")
    for side, node in ((space.contents, "content"), (space.tags, "tag")):
        placed = side.rename({"node": f"{node}_id", "row": f"{node}_row"})
        rows = rows.join(placed, on=f"{node}_id", how="left", maintain_order="left")
    content, tag = rows["content_row"].to_numpy(), rows["tag_row"].to_numpy()
    own = _own_edges(rows, deterministic)
    human, machine = (
        deterministic.filter((pl.col("origin") == "human") == human).select("content_id", "target")
        for human in (True, False)
    )
    centroid, count = _compare_centroids(content, tag, own["own_human"].to_numpy(), human, space)
    machine_count = _count_edges(machine, space)[tag] - own["own_machine"].to_numpy()
    contents = max(deterministic["content_id"].n_unique(), 1)
    named = _find_names(pairs, texts, tagset)
    return pairs.with_columns(
        cosine=pl.Series(_dot(space.content_vectors, content, space.tag_vectors, tag)),
        centroid=pl.Series(centroid),
        prior=pl.Series(np.log((count + 0.5) / (contents + 1.0))),  # ours: add-half smoothing
        machine_prior=pl.Series(np.log((machine_count + 0.5) / (contents + 1.0))),
        named=named["named"],
        headlined=named["headlined"],
        found=named["found"],
        annotated=pl.Series(count > 0),
    )


def _own_edges(rows: pl.DataFrame, deterministic: pl.DataFrame) -> pl.DataFrame:
    own = deterministic.group_by("content_id", tag_id="target").agg(
        own_human=(pl.col("origin") == "human").any(), own_machine=(pl.col("origin") != "human").any()
    )
    joined = rows.select("content_id", "tag_id").join(
        own, on=["content_id", "tag_id"], how="left", maintain_order="left"
    )
    return joined.select(pl.col("own_human", "own_machine").fill_null(False).cast(pl.Int64))


def _count_edges(edges: pl.DataFrame, space: Space) -> np.ndarray:
    rows = edges.join(space.tags, left_on="target", right_on="node")["row"].to_numpy()
    return np.bincount(rows, minlength=len(space.tag_vectors)).astype(np.int64)


def _compare_centroids(
    content: np.ndarray, tag: np.ndarray, own: np.ndarray, edges: pl.DataFrame, space: Space
) -> tuple[np.ndarray, np.ndarray]:
    linked = edges.join(space.contents, left_on="content_id", right_on="node", maintain_order="left").join(
        space.tags, left_on="target", right_on="node", suffix="_tag", maintain_order="left"
    )
    places = (linked["row_tag"].to_numpy(), linked["row"].to_numpy())
    shape = (len(space.tag_vectors), len(space.content_vectors))
    sums = csr_array((np.ones(len(linked), np.float32), places), shape=shape) @ space.content_vectors
    count = _count_edges(edges, space)[tag] - own
    centroid = np.zeros(len(content), np.float64)
    for part in _slices(len(content)):
        vectors = space.content_vectors[content[part]]
        rest = sums[tag[part]] - own[part, None].astype(np.float32) * vectors
        length = np.linalg.norm(rest, axis=1)
        centroid[part] = np.einsum("ij,ij->i", vectors, rest) / np.where(length > 1e-6, length, np.inf)
    return centroid, count


def _dot(left: Vectors, left_rows: np.ndarray, right: Vectors, right_rows: np.ndarray) -> np.ndarray:
    out = np.zeros(len(left_rows), np.float64)
    for part in _slices(len(left_rows)):
        out[part] = np.einsum("ij,ij->i", left[left_rows[part]], right[right_rows[part]])
    return out


def _slices(length: int, size: int = 65_536) -> list[slice]:
    return [slice(start, start + size) for start in range(0, length, size)]


def _find_names(pairs: pl.DataFrame, texts: pl.DataFrame, tagset: pl.DataFrame) -> pl.DataFrame:
    """Whether the tag's name or an alias stands in the text, and in its first line, as 0 or 1, and which one."""
    names = tagset.select("tag_id", name=pl.concat_list("tag", "aliases")).explode("name")
    names = names.with_columns(needle=needle_text(pl.col("name"))).unique(["tag_id", "needle"])
    whole = texts.select(
        "content_id",
        text=lexical_text(pl.col("text")),
        first=lexical_text(pl.col("text").str.split("\n").list.first()),
    )
    rows = pairs.select("content_id", "tag_id").with_row_index("pair")
    found = (
        rows.join(names, on="tag_id")
        .join(whole, on="content_id")
        .select(
            "pair",
            "name",
            named=pl.col("text").str.contains(pl.col("needle"), literal=True),
            headlined=pl.col("first").str.contains(pl.col("needle"), literal=True),
        )
        .filter(pl.col("named"))
        .sort("pair", ~pl.col("headlined"), "name")
        .group_by("pair", maintain_order=True)
        .agg(pl.col("named").any(), pl.col("headlined").any(), found=pl.col("name").first())
    )
    joined = rows.join(found, on="pair", how="left", maintain_order="left")
    return joined.select(pl.col("named", "headlined").fill_null(False).cast(pl.Float64), "found")
