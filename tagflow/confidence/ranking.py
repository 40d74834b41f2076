"""From judged pairs to the tags of a content: bands, the cut, the ranks and the status (LLM4Tag §3.4)."""

import polars as pl

from tagflow.calls import WAITING
from tagflow.clues.conversion import has_text
from tagflow.errors import ArtifactError
from tagflow.knowledge.corrections import REVIEWED
from tagflow.schemas import TAGGED_OUTPUT
from tagflow.settings import DatasetSettings, TaggingSettings


def band(confidence: pl.Expr, settings: TaggingSettings) -> pl.Expr:
    """Return apply, review or drop for a confidence."""
    return (
        pl.when(confidence >= settings.apply_at)
        .then(pl.lit("apply"))
        .when(confidence >= settings.review_at)
        .then(pl.lit("review"))
        .otherwise(pl.lit("drop"))
    )


def rank_tags(scored: pl.DataFrame, settings: DatasetSettings, *, model: str, version: str) -> pl.DataFrame:
    """Return the ``tagged_output``: pairs at or above the least confidence, best first, at most k a content.

    Ties go by name. What people decided is applied wherever the band begins. A single-tag dataset keeps one tag a
    content, or none.

    Args:
        scored: ``scored_candidates``.
        settings: task, ``min_confidence``, ``top_k`` and the bands.
        model: what tagged.
        version: the tag set's version.
    """
    most = 1 if settings.task == "single" else settings.tagging.top_k
    return (
        scored.filter(pl.col("confidence") >= settings.tagging.min_confidence)
        .sort("content_id", -pl.col("confidence"), "tag")
        .with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("content_id"))
        .filter(pl.col("rank") <= most)
        .with_columns(
            band=pl.when(pl.col("path") == REVIEWED)
            .then(pl.lit("apply"))
            .otherwise(band(pl.col("confidence"), settings.tagging)),
            model=pl.lit(model),
            vocabulary_version=pl.lit(version),
        )
    )


def check_conservation(records: int, *ends: pl.DataFrame) -> None:
    """Refuse artifacts in which a record is lost or counted twice.

    Args:
        records: records that went in.
        ends: frames with one row for each record that came out.

    Raises:
        ArtifactError: the numbers differ.
    """
    if records != (out := sum(map(len, ends))):
        raise ArtifactError(f"{records:,} records went in and {out:,} came out; nothing was stored.")


def account_contents(
    raw_clues: pl.DataFrame,
    quarantine: pl.DataFrame,
    tagged: pl.DataFrame,
    judged: pl.Series,
    letters: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return the ``content_status``: one row for each record read, whether it got a tag or not.

    Args:
        raw_clues: the contents.
        quarantine: the records that are not used.
        tagged: ``tagged_output``.
        judged: ids of the contents that are in the graph and were put to the method; others with text are pending.
        letters: ``dead_letters``: a content whose question only waits is pending, every other one is dead-lettered.
    """
    waits = ~pl.col("content_id").is_in(judged.implode())
    counts = tagged.group_by("content_id").agg(tags=pl.len().cast(pl.Int64))
    ends = _end_letters(TAGGED_OUTPUT.tables["dead_letters"].empty() if letters is None else letters)
    known = raw_clues.join(counts, on="content_id", how="left", maintain_order="left")
    contents = known.join(ends, on="content_id", how="left", maintain_order="left").select(
        "content_id",
        status=pl.when(~has_text())
        .then(pl.lit("skipped"))
        .when(waits)
        .then(pl.lit("pending"))
        .when(pl.col("end").is_not_null())
        .then("end")
        .when(pl.col("tags").is_null())
        .then(pl.lit("no_tag_fits"))
        .otherwise(pl.lit("tagged")),
        reason=pl.when(~has_text())
        .then(pl.lit("no text"))
        .when(waits)
        .then(pl.lit("not in the content-tag graph yet"))
        .when(pl.col("end").is_not_null())
        .then("why")
        .when(pl.col("tags").is_null())
        .then(pl.lit("no candidate reached the least confidence")),
        tags=pl.col("tags").fill_null(0),
        content_hash="content_hash",
    )
    refused = quarantine.select(
        content_id=pl.format("{}#{}", "source_file", "line"),
        status=pl.lit("quarantined"),
        reason="reason",
        tags=pl.lit(0, pl.Int64),
        content_hash=pl.lit(""),
    )
    return pl.concat([contents, refused])


def _end_letters(letters: pl.DataFrame) -> pl.DataFrame:
    """One end a content: pending if any of its questions only waits."""
    waits = pl.col("outcome").is_in(WAITING)
    said = letters.with_columns(
        end=pl.when(waits).then(pl.lit("pending")).otherwise(pl.lit("dead_lettered")),
        why=pl.format("{}: {}", "task", pl.when(pl.col("reason") == "").then("outcome").otherwise("reason")),
    )
    return said.sort("content_id", ~waits, "task").unique("content_id", keep="first").select("content_id", "end", "why")
