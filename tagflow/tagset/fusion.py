"""Semantic fusion: near-synonyms become aliases of one leader, and every decision is logged (TagGPT §2.1.3)."""

import numpy as np
import polars as pl

from tagflow.ports import Vectors
from tagflow.schemas import FUSED_TAGSET
from tagflow.tables import Tables
from tagflow.tagset.leaders import Merge, merge_leaders
from tagflow.tagset.normalisation import make_tag_id, normalise
from tagflow.tagset.pair_scan import ScanIndex

FIXED = ("file", "label")
"""Origins whose tags are never fused: near-duplicates among them are reported."""


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
    fixed = kept["origin"].is_in(FIXED).to_numpy()
    merge = merge_leaders(ScanIndex(vectors), threshold, member_floor, fixed=fixed)
    clusters = _collect_clusters(kept.with_columns(leader=pl.Series(merge.leader)), uses)
    return {"fused_tagset": clusters, "fusion_log": _describe_merge(kept, merge)}


def _describe_merge(kept: pl.DataFrame, merge: Merge) -> pl.DataFrame:
    log = pl.DataFrame(
        {
            "tag": kept["tag"].gather(merge.tag),
            "leader": kept["tag"].gather(merge.to),
            "similarity": merge.similarity.astype(np.float64),
            "decision": merge.decision,
            "reason": merge.reason,
        },
        schema_overrides={"decision": pl.String, "reason": pl.String},
    )
    return FUSED_TAGSET.tables["fusion_log"].shape(log)


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
