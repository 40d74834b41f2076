"""Emerging tags: contents that no tag fits, put into groups, each of which suggests a tag. Source: ours.

A suggestion is a row for a person to decide about and nothing else: no tag comes into the tag set by itself.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tagflow.ports import Encoder, Vectors
from tagflow.tagset.normalisation import normalise, tag_text

SMALLEST = 3  # ours: as many contents as a proposed tag needs (vocabulary.min_contents)
MOST_CONTENTS = 5000  # ours: all pairs of them are compared, 200 MB; the least confident go first
PHRASES = 4  # ours: phrases that a definition names beside the tag itself
EXAMPLES = 5  # ours
NEAREST = 3  # ours
SHARED = 2  # ours: contents from which a phrase is shared
NEARER = 1.5  # ours: times delta_cc; hidden tags of the shipped recipes came back at 0.40 to 0.50 where delta_cc is 0.3

EMERGING = pl.Schema(
    {
        "key": pl.String(),
        "tag": pl.String(),
        "definition": pl.String(),
        "contents": pl.List(pl.String()),
        "examples": pl.List(pl.String()),
        "size": pl.Int64(),
        "cohesion": pl.Float64(),
        "nearest": pl.List(pl.String()),
        "nearest_cosines": pl.List(pl.Float64()),
    }
)
"""Columns of the suggestions."""


def find_unfitted(tagged: pl.DataFrame, status: pl.DataFrame, raw_clues: pl.DataFrame, below: float) -> pl.Series:
    """Return the ids of the contents outside the test split that have no tag, or none from ``below`` on, least first.

    At most ``MOST_CONTENTS``; ties go by id.

    Args:
        tagged: ``tagged_output``.
        status: ``content_status``.
        raw_clues: the contents with their split.
        below: confidence from which a tag fits.
    """
    best = tagged.group_by("content_id").agg(best=pl.col("confidence").max())
    judged = status.filter(pl.col("status").is_in(["tagged", "no_tag_fits"]))
    fit = raw_clues.filter(pl.col("split") == "fit")
    least = judged.join(fit, on="content_id", how="semi").join(best, on="content_id", how="left")
    least = least.with_columns(pl.col("best").fill_null(0.0)).filter(pl.col("best") < below)
    return least.sort("best", "content_id")["content_id"].head(MOST_CONTENTS)


def group_contents(vectors: Vectors, near: float) -> NDArray[np.int64]:
    """Return the group of each content, -1 for none: contents of a group resemble each other by ``near`` on average.

    Groups have at least ``SMALLEST`` contents and are numbered by size, the largest 0, ties by first content.

    Args:
        vectors: a unit row a content; one that is all zero is in no group.
        near: least mean cosine of two groups that become one (average linkage): ``NEARER`` times delta_cc.
    """
    spoken = np.flatnonzero(np.linalg.norm(vectors, axis=1) > 0)
    groups = np.full(len(vectors), -1, np.int64)
    if len(spoken) < SMALLEST:
        return groups
    from sklearn.cluster import AgglomerativeClustering

    tree = AgglomerativeClustering(
        n_clusters=None, metric="cosine", linkage="average", distance_threshold=float(np.nextafter(1 - near, 2))
    )
    found = tree.fit_predict(vectors[spoken].astype(np.float64))
    _, first, inverse, sizes = np.unique(found, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    number[sizes < SMALLEST] = -1
    groups[spoken] = number[inverse]
    return groups


def suggest_tags(
    contents: pl.Series,
    vectors: Vectors,
    phrases: pl.DataFrame,
    tags: tuple[pl.DataFrame, Vectors],
    encoder: Encoder,
    near: float,
) -> pl.DataFrame:
    """Return the suggestions (``EMERGING`` columns), the largest group first, ties by first content.

    A group is named by the phrase with the highest product of the share of its contents that have it, and the phrase's
    cosine to the group's centroid; a phrase that names an earlier group is left out. A group without a phrase that two
    of its contents share suggests nothing.

    Args:
        contents: ids of the contents that no tag fits.
        vectors: a unit row each.
        phrases: content_id and tag of proposals; see ``list_phrases`` for which can name a tag.
        tags: tag_id and tag of the tag set, and a unit row each.
        encoder: spans the space.
        near: see ``group_contents``.
    """
    groups = group_contents(vectors, near)
    members = pl.DataFrame({"content_id": contents, "row": np.arange(len(contents)), "group": groups})
    members = members.filter(pl.col("group") >= 0)
    if not len(members):
        return pl.DataFrame(schema=EMERGING)
    centroids = _find_centroids(vectors, groups)
    shown = _measure_members(members, vectors, centroids)
    named = _name_groups(_rank_phrases(members, phrases, centroids, encoder))
    near_tags = _find_nearest(centroids, *tags)
    return (
        shown.join(named, on="group", maintain_order="left")
        .join(near_tags, on="group", maintain_order="left")
        .select(EMERGING.names())
        .cast(EMERGING)
    )


def list_phrases(candidate_tags: pl.DataFrame, filtered: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Return the proposals that can name a new tag: no name or alias of a tag, and not too common, banned, malformed.

    Args:
        candidate_tags: content_id and tag of every proposal.
        filtered: ``filtered_tagset``; a proposal it does not have (tag sets of labels or files) can be a name too.
        names: key and tag_id of every name and alias.

    Returns:
        content_id, key, tag.
    """
    useless = filtered.filter(pl.col("verdict").is_in(["too_common", "banned", "malformed"]))
    keyed = candidate_tags.select("content_id", "tag", key=normalise(pl.col("tag"))).filter(pl.col("key") != "")
    free = keyed.join(useless, on="key", how="anti", maintain_order="left")
    return free.join(names, on="key", how="anti", maintain_order="left").select("content_id", "key", "tag")


def _find_centroids(vectors: Vectors, groups: NDArray[np.int64]) -> Vectors:
    sums = np.zeros((int(groups.max(initial=-1)) + 1, vectors.shape[1]), np.float32)
    np.add.at(sums, groups[groups >= 0], vectors[groups >= 0])
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    centroids: Vectors = (sums / np.where(length > 0, length, 1)).astype(np.float32)
    return centroids


def _measure_members(members: pl.DataFrame, vectors: Vectors, centroids: Vectors) -> pl.DataFrame:
    own = vectors[members["row"].to_numpy()]
    cosine = np.einsum("ij,ij->i", own, centroids[members["group"].to_numpy()]).astype(np.float64)
    placed = members.with_columns(cosine=pl.Series(cosine)).sort("group", -pl.col("cosine"), "content_id")
    return placed.group_by("group", maintain_order=True).agg(
        contents=pl.col("content_id").sort(),
        examples=pl.col("content_id").head(EXAMPLES),
        size=pl.len().cast(pl.Int64),
        cohesion=pl.col("cosine").mean(),
    )


def _rank_phrases(members: pl.DataFrame, phrases: pl.DataFrame, centroids: Vectors, encoder: Encoder) -> pl.DataFrame:
    """group, key, tag of the phrases that contents of a group share, best first."""
    spelling = phrases.group_by("key").agg(pl.col("tag").mode().min())
    sizes = members.group_by("group").agg(size=pl.len())
    counted = (
        members.join(phrases.unique(["content_id", "key"]), on="content_id")
        .group_by("group", "key")
        .agg(having=pl.len())
        .filter(pl.col("having") >= SHARED)
        .join(sizes, on="group")
        .join(spelling, on="key")
        .sort("group", "key")
    )
    if not len(counted):
        return counted.select("group", "key", "tag")
    said = encoder.encode(counted.select(tag_text(pl.col("tag"))).to_series().to_list())
    cosine = np.einsum("ij,ij->i", said, centroids[counted["group"].to_numpy()]).astype(np.float64)
    scored = counted.with_columns(score=pl.col("having") / pl.col("size") * pl.Series(cosine, dtype=pl.Float64))
    return scored.sort("group", -pl.col("score"), "key").select("group", "key", "tag")


def _name_groups(ranked: pl.DataFrame) -> pl.DataFrame:
    """group, key, tag, definition: the best phrase that no earlier group took, and the next ones to say what it is."""
    taken: set[str] = set()
    rows = []
    for part in ranked.partition_by("group", maintain_order=True):
        free = next((row for row in part.iter_rows(named=True) if row["key"] not in taken), None)
        if free:
            taken.add(free["key"])
            others = [tag for key, tag in part.select("key", "tag").iter_rows() if key != free["key"]]
            rows.append((free["group"], free["key"], free["tag"], _define(free["tag"], others[:PHRASES])))
    schema = {"group": pl.Int64, "key": pl.String, "tag": pl.String, "definition": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _define(tag: str, others: list[str]) -> str:
    if not others:
        return f"Contents about {tag}."
    last = f"{', '.join(others[:-1])} and {others[-1]}" if len(others) > 1 else others[0]
    return f"Contents about {tag}, with {last}."


def _find_nearest(centroids: Vectors, tagset: pl.DataFrame, vectors: Vectors) -> pl.DataFrame:
    """group, nearest, nearest_cosines: the tags nearest to each centroid, ties by tag id."""
    order = np.argsort(tagset["tag_id"].to_numpy().astype(str), kind="stable")
    cosines = (centroids @ vectors[order].T).astype(np.float64)
    first = np.argsort(-cosines, axis=1, kind="stable")[:, :NEAREST]
    ordered = tagset["tag"].gather(order)
    return pl.DataFrame(
        {
            "group": np.arange(len(centroids)),
            "nearest": [ordered.gather(row).to_list() for row in first],
            "nearest_cosines": np.take_along_axis(cosines, first, axis=1).tolist(),
        },
        schema={"group": pl.Int64, "nearest": EMERGING["nearest"], "nearest_cosines": EMERGING["nearest_cosines"]},
    )
