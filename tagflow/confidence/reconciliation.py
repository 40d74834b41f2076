"""What was tagged already stays: only contents that are new, changed or waiting are put to the method again."""

from collections.abc import Mapping

import polars as pl

from tagflow.tables import Tables

DONE = ("tagged", "no_tag_fits")
"""Statuses that stand until the content, the tag set or the model changes."""


def find_settled(
    stored: Tables, raw_clues: pl.DataFrame, *, model: str, version: str, held: Mapping[str, str] | None = None
) -> pl.Series:
    """Return the ids of the contents whose stored tags still hold, whole rows, without a look at what they rest on.

    They hold if the content did not change, everything stored was made by the same model with the same tag set, and
    all else is what it was; where nothing was tagged at all, nobody knows by what, and nothing holds.

    Args:
        stored: ``tagged_output`` as it stands.
        raw_clues: the contents as they are now.
        model: name of method and tag model.
        version: the tag set's version.
        held: digests of all else that tags depend on, by column of ``basis``; None asks for none.
    """
    made = stored["tagged_output"].select("model", "vocabulary_version").unique()
    if made.rows() != [(model, version)]:
        return raw_clues["content_id"].clear()
    status = stored["content_status"].filter(pl.col("status").is_in(DONE))
    same = raw_clues.join(status, on=["content_id", "content_hash"], how="semi", maintain_order="left")
    if held is not None:
        rests = stored["basis"].filter(pl.col(name) == said for name, said in held.items())
        same = same.join(rests, on="content_id", how="semi", maintain_order="left")
    return same["content_id"]


def find_failed(stored: Tables, raw_clues: pl.DataFrame) -> pl.Series:
    """Return the ids of the contents that got no answer when they were last asked: dead-lettered or pending."""
    failed = stored["content_status"].filter(pl.col("status").is_in(("dead_lettered", "pending")))
    return raw_clues.join(failed, on="content_id", how="semi", maintain_order="left")["content_id"]


def keep_settled(stored: Tables, settled: pl.Series, scored: pl.DataFrame, beside: Tables | None = None) -> Tables:
    """Return the rows of the settled contents and of those judged just now: candidates and what is beside them.

    Args:
        stored: the artifact as it stands.
        settled: ids whose rows stay.
        scored: ``scored_candidates`` of the others.
        beside: other tables of the others: ``dead_letters`` (default: none), ``basis``, ``answers``.
    """
    new = {"scored_candidates": scored, "dead_letters": stored["dead_letters"].clear(), **(beside or {})}
    parts = {name: stored[name].filter(pl.col("content_id").is_in(settled.implode())) for name in new}
    return {
        name: pl.concat([parts[name], frame.select(parts[name].columns)]).sort("content_id", maintain_order=True)
        for name, frame in new.items()
    }


def keep_ranked(stored: pl.DataFrame, settled: pl.Series, cut: pl.DataFrame, tagged: pl.DataFrame) -> pl.DataFrame:
    """Return ``tagged_output``: the rows just ranked, and those of settled contents that were not.

    Args:
        stored: ``tagged_output`` as it stands.
        settled: ids whose candidates stay.
        cut: the contents that were ranked.
        tagged: their rows.
    """
    kept = stored.filter(pl.col("content_id").is_in(settled.implode()))
    rest = kept.join(cut, on="content_id", how="anti", maintain_order="left")
    return pl.concat([rest, tagged.select(rest.columns)]).sort("content_id", "rank")
