"""Whose a tag of a content is: people's, as they wrote it, or the machine's; neither takes the other's place."""

import polars as pl

from tagflow.knowledge.corrections import REVIEWED
from tagflow.tagset.normalisation import normalise

ORIGINS = ("human", "machine", "both")
"""Whose tags can be asked for."""


def combine_origins(raw_clues: pl.DataFrame, tagged: pl.DataFrame, names: pl.DataFrame, origin: str) -> pl.DataFrame:
    """Return the tags of contents with whose they are.

    Args:
        raw_clues: contents with people's labels.
        tagged: ``tagged_output``; a tag that a person gave by a correction counts as people's.
        names: key and tag_id of every name and alias of the tag set.
        origin: ``human`` (whether the tag set knows the tag or not), ``machine`` or ``both``.

    Returns:
        content_id, tag (as people wrote it, where they did), tag_id (null: not in the tag set), origin (human, machine,
        human and machine), rank, confidence and band (null: tagflow did not give it); by content as in ``raw_clues``,
        people's in their order before the machine's by rank; each tag of a content once.
    """
    labels = raw_clues.select("content_id", tag="labels").explode("tag", empty_as_null=False).drop_nulls()
    known = labels.with_columns(key=normalise(pl.col("tag"))).join(names, on="key", how="left", maintain_order="left")
    written = known.select(
        "content_id", "tag", "tag_id", same=pl.coalesce("tag_id", "key"), place=pl.int_range(pl.len()).cast(pl.Int64)
    ).unique(["content_id", "same"], keep="first", maintain_order=True)
    given = tagged.select(
        "content_id", "rank", "confidence", "band", same="tag_id", named="tag", decided=pl.col("path") == REVIEWED
    )
    both = written.join(given, on=["content_id", "same"], how="full", coalesce=True)
    human = pl.col("tag").is_not_null() | pl.col("decided").fill_null(False)
    machine = pl.col("rank").is_not_null() & ~pl.col("decided").fill_null(True)
    whose = (
        pl.when(human & machine)
        .then(pl.lit("human and machine"))
        .when(human)
        .then(pl.lit("human"))
        .otherwise(pl.lit("machine"))
    )
    asked = {"human": human, "machine": machine, "both": pl.lit(True)}[origin]
    order = raw_clues.select("content_id", content=pl.int_range(pl.len()))
    return (
        both.filter(asked)
        .with_columns(origin=whose)
        .join(order, on="content_id", how="left")
        .sort("content", "content_id", "place", "rank", nulls_last=True)
        .select(
            "content_id",
            pl.coalesce("tag", "named"),
            tag_id=pl.when(pl.col("named").is_not_null()).then("same").otherwise("tag_id"),
            origin="origin",
            rank="rank",
            confidence="confidence",
            band="band",
        )
    )
