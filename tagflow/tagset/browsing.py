"""The tag set as a person looks through it: the tags by use, one tag's company, and the contents that have it."""

import numpy as np
import polars as pl

from tagflow.ports import Vectors
from tagflow.tagset.normalisation import normalise, normalise_tags
from tagflow.tagset.vocabulary import resolve_tags

LEAST_TOGETHER = 3  # ours: below it a lift is chance


def count_assignments(tagset: pl.DataFrame, tagged: pl.DataFrame, raw_clues: pl.DataFrame) -> pl.DataFrame:
    """Return the tag set with its use, the most assigned tag first, ties by people's labels, then by name.

    Args:
        tagset: ``fused_tagset``.
        tagged: ``tagged_output``.
        raw_clues: contents with people's labels; the held-out ones are counted too.

    Returns:
        The columns of ``fused_tagset``, with assigned and apply (contents), people (contents people gave it to) and
        confidence (mean over the assigned; null where there is none).
    """
    use = tagged.group_by("tag_id").agg(
        assigned=pl.len().cast(pl.Int64),
        apply=(pl.col("band") == "apply").sum().cast(pl.Int64),
        confidence=pl.col("confidence").mean(),
    )
    labels = raw_clues.select("content_id", key="labels").explode("key").drop_nulls()
    people = (
        labels.with_columns(normalise(pl.col("key")))
        .join(resolve_tags(tagset), on="key")
        .group_by("tag_id")
        .agg(people=pl.col("content_id").n_unique().cast(pl.Int64))
    )
    joined = tagset.join(use, on="tag_id", how="left").join(people, on="tag_id", how="left")
    counted = joined.with_columns(pl.col("assigned", "apply", "people").fill_null(0))
    return counted.sort(-pl.col("assigned"), -pl.col("people"), "tag")


def search_tags(tags: pl.DataFrame, text: str) -> pl.DataFrame:
    """Return the tags with the text in their name or an alias, whatever case or width, in the order given."""
    part = normalise_tags(pl.Series([text]))[0]
    names = pl.concat_list("tag", "aliases").list.eval(normalise(pl.element()).str.contains(part, literal=True))
    return tags.filter(names.list.any()) if part else tags.clear()


def find_companions(tagged: pl.DataFrame, tag_id: str, most: int) -> pl.DataFrame:
    """Return the tags that stand together with this one more often than chance, the highest lift first.

    Ties go by number of contents, then by name. Tags on fewer than ``LEAST_TOGETHER`` contents together are left out.

    Args:
        tagged: ``tagged_output``.
        tag_id: the tag.
        most: rows at most.

    Returns:
        tag_id, tag, together (contents with both) and lift: together, over what chance would give.
    """
    own = tagged.filter(pl.col("tag_id") == tag_id).select("content_id")
    counts = tagged.group_by("tag_id").agg(pl.col("tag").first(), assigned=pl.len())
    both = tagged.join(own, on="content_id", how="semi").group_by("tag_id").agg(together=pl.len().cast(pl.Int64))
    chance = len(own) * pl.col("assigned") / tagged["content_id"].n_unique()
    return (
        both.filter((pl.col("tag_id") != tag_id) & (pl.col("together") >= LEAST_TOGETHER))
        .join(counts, on="tag_id")
        .select("tag_id", "tag", "together", lift=pl.col("together") / chance)
        .filter(pl.col("lift") > 1)
        .sort(-pl.col("lift"), -pl.col("together"), "tag")
        .head(most)
    )


def find_nearest_tags(tag_ids: pl.Series, vectors: Vectors, tag_id: str, most: int) -> pl.DataFrame:
    """Return the tags nearest to this one in the encoder's space, nearest first, ties by tag id: tag_id, cosine.

    Args:
        tag_ids: the tags.
        vectors: one unit row a tag.
        tag_id: one of them.
        most: rows at most.
    """
    own = int(np.flatnonzero((tag_ids == tag_id).to_numpy())[0])
    cosine = np.asarray(vectors @ vectors[own], np.float64)
    near = pl.DataFrame({"tag_id": tag_ids, "cosine": cosine}).filter(pl.col("tag_id") != tag_id)
    return near.sort(-pl.col("cosine"), "tag_id").head(most)


def list_contents(tagged: pl.DataFrame, raw_clues: pl.DataFrame, tag_id: str) -> pl.DataFrame:
    """Return the contents that have the tag, the most confident first, ties by content id.

    Returns:
        content_id, confidence, band, first_line (text of the first clue) and held_out.
    """
    own = tagged.filter(pl.col("tag_id") == tag_id).select("content_id", "confidence", "band")
    return (
        own.join(raw_clues, on="content_id")
        .select("content_id", "confidence", "band", first_line=first_line(), held_out=pl.col("split") == "test")
        .sort(-pl.col("confidence"), "content_id")
    )


def first_line() -> pl.Expr:
    """Return the text of a content's first clue, on one line; empty without one (``raw_clues`` columns)."""
    first = pl.col("clues").list.first().struct.field("text")
    return first.fill_null("").str.replace_all(r"\s+", " ").str.strip_chars()


def find_decisions(fusion_log: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """Return the rows of the fusion log about any of the names, merges first, then by similarity, highest first."""
    about = fusion_log.filter(pl.col("tag").is_in(names) | pl.col("leader").is_in(names))
    order = pl.col("decision").replace_strict({"merged": 0, "refused": 1, "reported": 2}, return_dtype=pl.Int64)
    return about.sort(order, -pl.col("similarity"), "tag", "leader")
