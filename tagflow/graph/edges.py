"""Edges of the content-tag graph: deterministic from history, similarity from vectors (LLM4Tag §3.2, eq. 1-3)."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tagflow.ports import Vectors
from tagflow.schemas import CONTENT_TAG_GRAPH
from tagflow.settings import GraphSettings
from tagflow.tagset.normalisation import normalise
from tagflow.tagset.vocabulary import explode_labels

PEOPLE = ("human", "reviewed")
"""Origins of edges that stand for a person's word: an annotation, or a correction."""

GROWN = "grown"
"""Origin of edges that stand for tagflow's own earlier answers (see ``growth``): they never vote, only widen recall."""

EDGE = CONTENT_TAG_GRAPH.tables["content_tag_graph"].dtypes


def link_history(
    raw_clues: pl.DataFrame, candidate_tags: pl.DataFrame, names: pl.DataFrame, settings: GraphSettings
) -> pl.DataFrame:
    """Return the deterministic edges: annotated tags (human) and proposals (machine) that resolve to a tag.

    The test split has none. A content may have a tag both ways.

    Args:
        raw_clues: contents with labels and split.
        candidate_tags: proposals; those of contents that are now in the test split do not count.
        names: key and tag_id of every name and alias.
        settings: weight of a human and of a machine edge.
    """
    human = explode_labels(raw_clues).with_columns(origin=pl.lit("human"), weight=pl.lit(settings.human_weight))
    fit = raw_clues.filter(pl.col("split") == "fit").select("content_id")
    machine = candidate_tags.join(fit, on="content_id", how="semi", maintain_order="left").select(
        "content_id", "tag", origin=pl.lit("machine"), weight=pl.lit(settings.machine_weight)
    )
    keyed = pl.concat([human, machine]).with_columns(key=normalise(pl.col("tag")))
    resolved = keyed.join(names, on="key", maintain_order="left")
    edges = resolved.unique(["content_id", "tag_id", "origin"], keep="first", maintain_order=True)
    return (
        edges.sort("content_id", "tag_id", "origin")
        .select(
            "content_id",
            target="tag_id",
            target_kind=pl.lit("tag"),
            kind=pl.lit("deterministic"),
            origin="origin",
            weight="weight",
        )
        .cast(EDGE)
    )


def count_origins(history: pl.DataFrame) -> dict[str, int]:
    """Return the number of deterministic edges by origin, as ``human_edges`` and so on."""
    counts = dict(history["origin"].value_counts().sort("origin").iter_rows())
    return {f"{origin}_edges": int(count) for origin, count in counts.items()}


def link_similar(
    content_ids: pl.Series,
    found: tuple[NDArray[np.int64], Vectors],
    targets: pl.Series,
    target_kind: str,
    *,
    origin: str = "encoder",
    threshold: float,
    most: int,
) -> pl.DataFrame:
    """Return the similarity edges of a nearest-neighbour search, nearest first; no edge leads to the content itself.

    Args:
        content_ids: the content of each query row.
        found: indices into ``targets`` and cosines, each of shape (queries, k).
        targets: ids of the things searched.
        target_kind: tag or content.
        origin: encoder, or terms: what made the cosines.
        threshold: least cosine of an edge (LLM4Tag's delta).
        most: edges a content has at most.
    """
    indices, cosines = found
    width = indices.shape[1]
    edges = pl.DataFrame(
        {
            "content_id": content_ids.gather(np.repeat(np.arange(len(content_ids)), width)),
            "target": targets.gather(indices.ravel()),
            "weight": cosines.ravel().astype(np.float64),
        }
    )
    itself = (pl.col("target") == pl.col("content_id")) & pl.lit(target_kind == "content")
    return (
        edges.filter((pl.col("weight") >= threshold) & ~itself)
        .filter(pl.int_range(pl.len()).over("content_id") < most)
        .select(
            "content_id",
            "target",
            target_kind=pl.lit(target_kind),
            kind=pl.lit("similarity"),
            origin=pl.lit(origin),
            weight="weight",
        )
        .cast(EDGE)
    )
