"""A stored graph after tags became one: their edges lead to the tag that they are part of now (ours)."""

import polars as pl

from tagflow.tables import Tables
from tagflow.tagset.carrying import move_tags

EDGE_KEY = ["content_id", "target", "target_kind", "kind", "origin"]


def carry_graph(graph: Tables, moves: pl.DataFrame) -> Tables:
    """Return the ``content_tag_graph`` with moved tags; of two edges that become one the heavier stays.

    Vectors and classifier are those of the last refresh: a leader keeps its own, a moved tag has none any more.

    Args:
        graph: as it stands.
        moves: tag_id and leader_id (see ``find_moves``).
    """
    to_tags = pl.col("target_kind") == "tag"
    edges = graph["content_tag_graph"].with_row_index("place")
    moved = pl.concat([move_tags(edges.filter(to_tags), moves, "target"), edges.filter(~to_tags)])
    heaviest = moved.sort(-pl.col("weight"), "place").unique(EDGE_KEY, keep="first", maintain_order=True)
    gone = pl.col("node").is_in(moves["tag_id"].implode()) & (pl.col("node_kind") == "tag")
    grown = move_tags(graph["grown"], moves).sort(-pl.col("confidence"))
    return graph | {
        "content_tag_graph": heaviest.sort("place").drop("place"),
        "vectors": graph["vectors"].filter(~gone),
        "classified": graph["classified"].join(moves, on="tag_id", how="anti", maintain_order="left"),
        "grown": grown.unique(["content_id", "tag_id"], keep="first").sort("content_id", "tag_id"),
    }
