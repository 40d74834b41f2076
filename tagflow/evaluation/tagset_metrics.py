"""How good a tag set is: popularity, least effort, redundancy, uniformity, coverage (TagGPT §3.1)."""

import numpy as np
import polars as pl

from tagflow.evaluation.tagging_metrics import ROW
from tagflow.ports import Vectors
from tagflow.tagset.pair_scan import scan_pairs

SIMILAR = 0.8  # TagGPT §3.2
OFTEN = 10  # TagGPT §3.3.1 speaks of tags reused more than ten times


def measure_tag_set(assigned: pl.DataFrame, tags: pl.Series, vectors: Vectors, contents: int) -> pl.DataFrame:
    """Return the tag-set metrics of one way of tagging.

    Args:
        assigned: content_id and tag of each assignment, without repeats.
        tags: every tag of the set, assigned or not.
        vectors: unit vectors of ``tags``.
        contents: contents that could have been tagged.

    Returns:
        metric, value, low, high (null), n, note. Uniformity: share of unordered tag pairs with cosine >= 0.8.
        In-content redundancy: mean over contents of the share of their tags that have a similar one beside them.
    """
    i, j, _ = scan_pairs(vectors, SIMILAR)
    pairs = len(tags) * (len(tags) - 1) // 2
    times = count_popularity(assigned)
    uses = np.repeat(times["times"].to_numpy(), times["tags"].to_numpy())
    tagged = assigned["content_id"].n_unique()
    redundancy = _measure_redundancy(assigned, tags, i, j)
    used = len(uses)
    rows = [
        ("tags in the set", float(len(tags)), len(tags), None),
        ("tags assigned", float(used), len(tags), None),
        (
            "uniformity: similar pairs",
            len(i) / pairs if pairs else None,
            pairs,
            "share of tag pairs with cosine >= 0.8",
        ),
        (
            "in-content redundancy",
            redundancy,
            tagged,
            "mean share of a content's tags that have a similar one beside them",
        ),
        (
            "popularity: one-content share",
            float(np.mean(uses == 1)) if used else None,
            used,
            "tags assigned to one content",
        ),
        (
            "popularity: often",
            float(np.mean(uses > OFTEN)) if used else None,
            used,
            "tags assigned to more than ten contents",
        ),
        ("popularity: Gini", _gini(uses), used, "over the assigned tags; 0: all equally often"),
        (
            "least effort: tags a content",
            len(assigned) / tagged if tagged else None,
            tagged,
            "mean over tagged contents",
        ),
        ("coverage", tagged / contents if contents else None, contents, "share of contents with at least one tag"),
    ]
    filled = [(metric, value, None, None, n, note) for metric, value, n, note in rows]
    return pl.DataFrame(filled, schema=ROW, orient="row")


def count_popularity(assigned: pl.DataFrame) -> pl.DataFrame:
    """Return times and tags: how many tags are assigned to that many contents (TagGPT Fig. 4)."""
    uses = assigned.group_by("tag").agg(times=pl.col("content_id").n_unique().cast(pl.Int64))
    return uses.group_by("times").agg(tags=pl.len().cast(pl.Int64)).sort("times")


def count_effort(assigned: pl.DataFrame) -> pl.DataFrame:
    """Return tags and contents: how many contents have that many tags (TagGPT Fig. 5)."""
    sizes = assigned.group_by("content_id").agg(tags=pl.len().cast(pl.Int64))
    return sizes.group_by("tags").agg(contents=pl.len().cast(pl.Int64)).sort("tags")


def _measure_redundancy(assigned: pl.DataFrame, tags: pl.Series, i: np.ndarray, j: np.ndarray) -> float | None:
    similar = pl.DataFrame({"tag": tags.gather(np.append(i, j)), "other": tags.gather(np.append(j, i))})
    own = assigned.select("content_id", "tag")
    beside = own.join(similar, on="tag").join(own.rename({"tag": "other"}), on=["content_id", "other"], how="semi")
    redundant = beside.select("content_id", "tag").unique().with_columns(redundant=pl.lit(1.0))
    shares = own.join(redundant, on=["content_id", "tag"], how="left").with_columns(pl.col("redundant").fill_null(0.0))
    by_content = shares.group_by("content_id").agg(pl.col("redundant").mean()).sort("content_id")
    value = by_content["redundant"].mean()
    return float(value) if isinstance(value, float) else None


def _gini(uses: np.ndarray) -> float | None:
    if not len(uses):
        return None
    ascending = np.sort(uses).astype(np.float64)
    places = np.arange(1, len(ascending) + 1)
    return float(((2 * places - len(ascending) - 1) @ ascending) / (len(ascending) * ascending.sum()))
