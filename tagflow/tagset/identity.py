"""Which tag of a new tag set is which tag of the one before, so that its id survives a rebuild. Source: ours."""

from itertools import count

import polars as pl

from tagflow.tagset.normalisation import make_tag_id, normalise


def keep_ids(new: pl.DataFrame, previous: pl.DataFrame, counted: pl.DataFrame) -> pl.DataFrame:
    """Return the new tags, each with the id of the previous tag of which it holds most.

    Most is by the contents of the names and aliases that both have, then by the number of those names, then by the new
    tag's name, then by the previous one's. An id goes to one tag only; what has none of a previous tag keeps the id of
    its own name, or, where another tag took that, gets one more.

    Args:
        new: ``fused_tagset`` just made.
        previous: ``fused_tagset`` as it was; none of it may be in the new one.
        counted: key and contents of the candidate tags (``filtered_tagset``).
    """
    before = explode_names(previous).rename({"tag_id": "previous_id", "tag": "previous"})
    shared = (
        explode_names(new)
        .join(before, on="key")
        .join(counted.select("key", "contents"), on="key", how="left")
        .group_by("tag_id", "tag", "previous_id", "previous")
        .agg(contents=pl.col("contents").sum(), names=pl.len())
        .sort(-pl.col("contents").cast(pl.Int64), -pl.col("names").cast(pl.Int64), "tag", "previous", "previous_id")
    )
    taken = []
    while len(shared):
        firsts = shared.unique("tag_id", keep="first", maintain_order=True)
        mutual = firsts.join(
            shared.unique("previous_id", keep="first", maintain_order=True), on=["tag_id", "previous_id"], how="semi"
        )
        taken.append(mutual.select("tag_id", "previous_id"))
        shared = shared.join(mutual, on="tag_id", how="anti", maintain_order="left").join(
            mutual, on="previous_id", how="anti", maintain_order="left"
        )
    kept = pl.concat(taken) if taken else shared.select("tag_id", "previous_id")
    given = new.join(kept, on="tag_id", how="left", maintain_order="left")
    ids = pl.Series(_fill_ids(given["previous_id"].to_list(), new["tag_id"].to_list()), dtype=pl.String)
    return new.with_columns(tag_id=ids)


def explode_names(fused: pl.DataFrame) -> pl.DataFrame:
    """Return tag_id, tag and key for the name and every alias of each tag, without repeats."""
    names = fused.select("tag_id", "tag", key=pl.concat_list("tag", "aliases")).explode("key")
    return names.with_columns(normalise(pl.col("key"))).unique(maintain_order=True)


def _fill_ids(inherited: list[str | None], own: list[str]) -> list[str]:
    used = {tag_id for tag_id in inherited if tag_id}
    ids = []
    for tag_id, fallback in zip(inherited, own, strict=True):
        free = tag_id or next(
            one
            for one in (fallback if n == 0 else make_tag_id(f"{fallback}\x1f{n}") for n in count())
            if one not in used
        )
        used.add(free)
        ids.append(free)
    return ids
