"""What was tagged already stays: only contents that are new, changed or waiting are put to the method again."""

import polars as pl

from tagflow.tables import Tables

DONE = ("tagged", "no_tag_fits")
"""Statuses that stand until the content, the tag set or the model changes."""


def find_settled(stored: Tables, raw_clues: pl.DataFrame, *, model: str, version: str) -> pl.Series:
    """Return the ids of the contents whose stored tags still hold.

    They hold if the content did not change and everything stored was made by the same model with the same tag set;
    where nothing was tagged at all, nobody knows by what, and nothing holds.

    Args:
        stored: ``tagged_output`` as it stands.
        raw_clues: the contents as they are now.
        model: name of method and tag model.
        version: the tag set's version.
    """
    made = stored["tagged_output"].select("model", "vocabulary_version").unique()
    if made.rows() != [(model, version)]:
        return raw_clues["content_id"].clear()
    status = stored["content_status"].filter(pl.col("status").is_in(DONE))
    same = raw_clues.join(status, on=["content_id", "content_hash"], how="semi", maintain_order="left")
    return same["content_id"]


def find_failed(stored: Tables, raw_clues: pl.DataFrame) -> pl.Series:
    """Return the ids of the contents that got no answer when they were last asked: dead-lettered or pending."""
    failed = stored["content_status"].filter(pl.col("status").is_in(("dead_lettered", "pending")))
    return raw_clues.join(failed, on="content_id", how="semi", maintain_order="left")["content_id"]


def keep_settled(
    stored: Tables, settled: pl.Series, tagged: pl.DataFrame, scored: pl.DataFrame, letters: pl.DataFrame | None = None
) -> Tables:
    """Return the rows of the settled contents and of those tagged just now: tags, candidates and dead letters.

    Args:
        stored: the artifact as it stands.
        settled: ids whose rows stay.
        tagged: ``tagged_output`` of the others.
        scored: ``scored_candidates`` of the others.
        letters: ``dead_letters`` of the others.
    """
    new = {"tagged_output": tagged, "scored_candidates": scored}
    new["dead_letters"] = stored["dead_letters"].clear() if letters is None else letters
    order = {"tagged_output": ["content_id", "rank"], "scored_candidates": ["content_id"]}
    order["dead_letters"] = ["content_id", "task"]
    parts = {name: stored[name].filter(pl.col("content_id").is_in(settled.implode())) for name in new}
    return {
        name: pl.concat([parts[name], frame.select(parts[name].columns)]).sort(order[name], maintain_order=True)
        for name, frame in new.items()
    }
