"""Semantic fusion: near-synonyms become aliases of one leader, and every decision is logged (TagGPT §2.1.3)."""

import numpy as np
import polars as pl

from tagflow.ports import Vectors
from tagflow.schemas import FUSED_TAGSET
from tagflow.tables import Tables
from tagflow.tagset.normalisation import make_tag_id, normalise

TILE = 2048  # ours: rows and columns of one block of the scan

FIXED = ("file", "label")
"""Origins whose tags are never fused: near-duplicates among them are reported."""


def scan_pairs(vectors: Vectors, threshold: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return every pair i < j with cosine at or above the threshold, sorted by j, then i.

    Exact: all pairs are compared, in tiles of the upper triangle.

    Args:
        vectors: unit rows of shape (n, d).
        threshold: cosine in [-1, 1].

    Returns:
        i (int64), j (int64) and cosine (float32), each of shape (pairs,).
    """
    parts = []
    for top in range(0, len(vectors), TILE):
        for left in range(top, len(vectors), TILE):
            block = vectors[top : top + TILE] @ vectors[left : left + TILE].T
            rows, columns = np.nonzero(block >= threshold)
            before = rows + top < columns + left
            rows, columns = rows[before], columns[before]
            parts.append((rows + top, columns + left, block[rows, columns]))
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    i, j, cosine = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.lexsort((i, j))
    return i[order], j[order], cosine[order]


def fuse_tags(
    kept: pl.DataFrame, uses: pl.DataFrame, vectors: Vectors, threshold: float, member_floor: float
) -> Tables:
    """Return the ``fused_tagset`` and its ``fusion_log``.

    Tags are taken by frequency, those of labels and files before all others. A tag joins the nearest leader that it
    reaches the threshold with, unless a member of that cluster lies below the floor (then the next leader is tried,
    and the refusal is logged); otherwise it leads a cluster of its own. So no member is joined by a chain.

    Args:
        kept: key, tag, contents, origin, description of the tags that passed the filter.
        uses: content_id and tag of every use, for the frequency of a whole cluster.
        vectors: unit vectors of ``kept``, row for row; all-zero rows never merge.
        threshold: cosine from which two tags are redundant.
        member_floor: least cosine between two members of one cluster.
    """
    rank = (
        kept.select(
            order=pl.struct(~pl.col("origin").is_in(FIXED), -pl.col("contents"), pl.col("key")).rank("ordinal") - 1
        )
        .to_series()
        .to_numpy()
    )
    order = np.argsort(rank)
    kept, vectors = kept[order], vectors[order]
    leader, log = _assign_leaders(kept, vectors, threshold, member_floor)
    clusters = _collect_clusters(kept.with_columns(leader=pl.Series(leader)), uses)
    return {"fused_tagset": clusters, "fusion_log": log}


def _assign_leaders(
    kept: pl.DataFrame, vectors: Vectors, threshold: float, member_floor: float
) -> tuple[np.ndarray, pl.DataFrame]:
    i, j, cosine = scan_pairs(vectors, threshold)
    real = np.linalg.norm(vectors, axis=1) > 0
    both = real[i] & real[j]
    i, j, cosine = i[both], j[both], cosine[both]
    fixed = kept["origin"].is_in(FIXED).to_numpy()
    leader = np.arange(len(kept))
    members: dict[int, list[int]] = {}
    decisions: list[tuple[int, int, float, str, str]] = []
    starts = np.flatnonzero(np.diff(j, prepend=-1))
    for start, stop in zip(starts, np.append(starts, len(j))[1:], strict=True):
        tag = int(j[start])
        near = sorted(range(start, stop), key=lambda pair: (-cosine[pair], i[pair]))
        for pair in near:
            to, score = int(i[pair]), float(cosine[pair])
            if fixed[tag]:
                decisions.append((tag, to, score, "reported", "both are fixed by labels or a file"))
            elif leader[to] == to and leader[tag] == tag:
                lowest = min((float(vectors[tag] @ vectors[other]) for other in members.get(to, [])), default=1.0)
                if lowest < member_floor:
                    reason = f"a member of the cluster lies at {lowest:.3f}, below the floor {member_floor}"
                    decisions.append((tag, to, score, "refused", reason))
                else:
                    leader[tag] = to
                    members.setdefault(to, []).append(tag)
                    decisions.append((tag, to, score, "merged", f"cosine at or above {threshold}"))
    names = kept["tag"].to_list()
    rows = [(names[tag], names[to], score, decision, reason) for tag, to, score, decision, reason in decisions]
    return leader, pl.DataFrame(rows, schema=FUSED_TAGSET.tables["fusion_log"].dtypes, orient="row")


def _collect_clusters(kept: pl.DataFrame, uses: pl.DataFrame) -> pl.DataFrame:
    leaders = kept.with_row_index("row").filter(pl.col("row") == pl.col("leader"))
    used = uses.select("content_id", key=normalise(pl.col("tag"))).join(kept.select("key", "leader"), on="key")
    frequency = used.group_by("leader").agg(frequency=pl.col("content_id").drop_nulls().n_unique().cast(pl.Int64))
    aliases = (
        kept.with_row_index("row")
        .filter(pl.col("row") != pl.col("leader"))
        .group_by("leader", maintain_order=True)
        .agg(aliases=pl.col("tag"))
    )
    fused = leaders.join(frequency, on="leader", how="left").join(aliases, on="leader", how="left")
    ids = [make_tag_id(key) for key in fused["key"]]
    return fused.select(
        tag_id=pl.Series(ids, dtype=pl.String),
        tag="tag",
        frequency=pl.col("frequency").fill_null(0),
        aliases=pl.col("aliases").fill_null(pl.lit([], dtype=pl.List(pl.String))),
        description="description",
        origin="origin",
    ).sort(-pl.col("frequency"), "tag_id")
