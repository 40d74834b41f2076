"""The frequency cuts: which candidate tags are kept, and why the others are not (TagGPT §2.1.3)."""

from collections.abc import Collection

import polars as pl

from tagflow.errors import ConfigError
from tagflow.settings import VocabularySettings
from tagflow.tagset.normalisation import normalise, normalise_tags


def count_tags(uses: pl.DataFrame) -> pl.DataFrame:
    """Return each distinct tag with the number of distinct contents that use it.

    Args:
        uses: content_id, tag, origin (proposed, label or file; a file's tags may have a null content_id), description.

    Returns:
        key, tag, contents, origin, description; most frequent first, ties by key. The spelling and origin of a file go
        before those of labels, and those before the proposed; of one origin's spellings the most frequent is shown,
        ties by alphabet.
    """
    shown = pl.col("tag").str.replace_all(r"\s+", " ").str.strip_chars()
    spelled = uses.with_columns(shown, key=normalise(pl.col("tag")))
    order = pl.col("origin").replace_strict({"file": 0, "label": 1, "proposed": 2}, return_dtype=pl.Int64)
    spelling = (
        spelled.group_by("key", "tag")
        .agg(source=order.min(), times=pl.col("content_id").n_unique().cast(pl.Int64))
        .sort("key", "source", -pl.col("times"), "tag")
        .group_by("key", maintain_order=True)
        .agg(pl.col("tag").first())
    )
    counted = spelled.group_by("key").agg(
        contents=pl.col("content_id").drop_nulls().n_unique().cast(pl.Int64),
        origin=pl.when((pl.col("origin") == "file").any())
        .then(pl.lit("file"))
        .when((pl.col("origin") == "label").any())
        .then(pl.lit("label"))
        .otherwise(pl.lit("proposed")),
        description=pl.col("description").drop_nulls().first(),
    )
    columns = ["key", "tag", "contents", "origin", "description"]
    return counted.join(spelling, on="key").select(columns).sort(-pl.col("contents"), "key")


def filter_tags(
    counted: pl.DataFrame, contents: int, settings: VocabularySettings, banned: Collection[str]
) -> pl.DataFrame:
    """Return the ``filtered_tagset`` frame: every counted tag with its verdict.

    Tags of labels or of a file are never cut, only banned, and malformed if nothing is left of them. The verdict of a
    tag that fails several tests is the first of malformed, banned, too_rare, too_common.

    Args:
        counted: result of ``count_tags``.
        contents: number of contents outside the test split that have text.
        settings: the cuts.
        banned: tags that people banned, in any spelling.
    """
    proposed = pl.col("origin") == "proposed"
    strange = (
        ~pl.col("key").str.contains(r"\p{L}")
        | (pl.col("key").str.len_chars() > settings.max_characters)
        | pl.col("tag").str.contains(r"[\p{Cc}\p{Cf}&&[^\u{200c}\u{200d}]]")
    )
    malformed = (pl.col("key") == "") | (proposed & strange)
    verdict = (
        pl.when(malformed)
        .then(pl.lit("malformed"))
        .when(pl.col("key").is_in(normalise_tags(pl.Series(list(banned), dtype=pl.String)).to_list()))
        .then(pl.lit("banned"))
        .when(proposed & (pl.col("contents") < settings.min_contents))
        .then(pl.lit("too_rare"))
        .when(proposed & (pl.col("contents") / contents > settings.max_share))
        .then(pl.lit("too_common"))
        .otherwise(pl.lit("kept"))
    )
    columns = ["key", "tag", "contents", "verdict", "origin", "description"]
    return counted.with_columns(verdict=verdict).select(columns)


def check_kept(filtered: pl.DataFrame, where: str, letters: pl.DataFrame | None = None) -> None:
    """Stop before anything is tagged with an empty tag set.

    Args:
        filtered: ``filtered_tagset``.
        where: what the sentence starts with.
        letters: ``candidate_tags.dead_letters``: contents that nobody proposed anything for.

    Raises:
        ConfigError: no tag is kept; says how many fell to which verdict and what to change.
    """
    if (filtered["verdict"] == "kept").any():
        return
    counts = filtered["verdict"].value_counts(sort=True).iter_rows()
    fell = ", ".join(f"{count} {verdict}" for verdict, count in counts) or "no candidate at all"
    cut = filtered["verdict"].is_in(["too_rare", "too_common"]).any()
    again = ""
    if letters is not None and len(letters):
        lost = f"{len(letters)} without an answer: {letters['reason'][0]}"
        again = f"ask again when the language model answers ({lost}), {'' if cut else 'or '}"
    cure = "lower vocabulary.min_contents, raise vocabulary.max_share, or " if cut else ""
    raise ConfigError(f"{where}: no tag is left ({fell}); {again}{cure}take another vocabulary.source.")
