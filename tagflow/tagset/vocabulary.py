"""Where the tag set comes from, and how a spelling is resolved to a tag of it."""

import hashlib

import polars as pl

from tagflow.decisions import TagRules
from tagflow.settings import VocabularySettings
from tagflow.tagset.normalisation import normalise

USE = pl.Schema({"content_id": pl.String(), "tag": pl.String(), "origin": pl.String(), "description": pl.String()})
"""Columns of a use: a content has a tag; a file's tags are uses without a content."""


def collect_uses(
    raw_clues: pl.DataFrame, candidate_tags: pl.DataFrame, listed: pl.DataFrame, settings: VocabularySettings
) -> pl.DataFrame:
    """Return the uses that make the tag set, by the dataset's ``vocabulary.source``; the test split gives none.

    Args:
        raw_clues: the contents with labels and split.
        candidate_tags: proposals; those of contents that are now in the test split do not count.
        listed: tag and description of the user's own file (empty if there is none).
        settings: ``source``: proposed, labels, file, or union (of all there are).
    """
    fit = raw_clues.filter(pl.col("split") == "fit").select("content_id")
    proposed = candidate_tags.join(fit, on="content_id", how="semi", maintain_order="left")
    parts = []
    if settings.source in ("file", "union"):
        parts.append(
            listed.select(
                content_id=pl.lit(None, pl.String), tag="tag", origin=pl.lit("file"), description="description"
            )
        )
    if settings.source in ("labels", "union"):
        parts.append(_as_uses(explode_labels(raw_clues), "label"))
    if settings.source in ("proposed", "union"):
        parts.append(_as_uses(proposed, "proposed"))
    if settings.source == "file":  # counted, so that a person sees which of the own tags occur
        names = listed.select(key=pl.concat_list("tag", "aliases")).explode("key").drop_nulls()
        known = names.select(normalise(pl.col("key")))
        seen = pl.concat([_as_uses(explode_labels(raw_clues), "label"), _as_uses(proposed, "proposed")])
        parts.append(seen.filter(normalise(pl.col("tag")).is_in(known["key"].implode())))
    return pl.concat(parts)


def explode_labels(raw_clues: pl.DataFrame) -> pl.DataFrame:
    """Return content_id and tag, a row for each annotated tag of each content outside the test split."""
    fit = raw_clues.filter(pl.col("split") == "fit").select("content_id", tag="labels")
    return fit.explode("tag").drop_nulls()


def resolve_tags(fused_tagset: pl.DataFrame) -> pl.DataFrame:
    """Return key and tag_id for the name and every alias of every tag; a key belongs to exactly one tag."""
    names = fused_tagset.select("tag_id", key=pl.concat_list("tag", "aliases")).explode("key")
    return names.select(normalise(pl.col("key")), "tag_id").unique("key", keep="first", maintain_order=True)


def make_vocabulary_version(fused_tagset: pl.DataFrame, rules: TagRules) -> str:
    """Return 12 hex digits of the BLAKE2b of all tags, by id, and the rules about them: equal for equal tag sets."""
    said = fused_tagset.sort("tag_id").select(
        pl.concat_str(
            "tag_id", "tag", pl.col("aliases").list.join("\x1f"), pl.col("description").fill_null(""), separator="\x1e"
        )
    )
    whole = "\x1d".join([rules.model_dump_json(), *said.to_series()])
    return hashlib.blake2b(whole.encode(), digest_size=6).hexdigest()


def _as_uses(tags: pl.DataFrame, origin: str) -> pl.DataFrame:
    return tags.select("content_id", "tag", origin=pl.lit(origin), description=pl.lit(None, pl.String)).cast(USE)
