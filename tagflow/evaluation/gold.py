"""Gold: what people annotated on the held-out contents, as tags of the tag set."""

from typing import NamedTuple

import polars as pl

from tagflow.tagset.normalisation import normalise
from tagflow.tagset.vocabulary import explode_labels

MIN_USES = 2  # ours: a label used once outside the test split cannot be told from noise


class Gold(NamedTuple):
    """The right tags of the scored contents, and the tags that can be judged at all."""

    pairs: pl.DataFrame
    """content_id, tag_id."""
    judged: pl.DataFrame
    """tag_id and uses of every tag that people used at least twice outside the test split."""
    held_out: int
    """Contents of the test split, with or without gold."""
    said: int
    """Labels on the test split that people used at least twice outside it, whether or not the tag set has them."""
    fit: int
    """Labelled contents outside the test split."""


def find_gold(raw_clues: pl.DataFrame, names: pl.DataFrame) -> Gold:
    """Return the gold of the test split; test contents without any are not scored.

    Args:
        raw_clues: contents with labels and split.
        names: key and tag_id of every name and alias.
    """
    labelled = explode_labels(raw_clues)
    uses = _resolve(labelled, names).group_by("tag_id").agg(uses=pl.len().cast(pl.Int64))
    judged = uses.filter(pl.col("uses") >= MIN_USES).sort("tag_id")
    test = raw_clues.filter(pl.col("split") == "test")
    said = test.select("content_id", tag="labels").explode("tag").drop_nulls()
    pairs = _resolve(said, names).join(judged, on="tag_id", how="semi")
    return Gold(pairs, judged, len(test), _count_said(labelled, said), labelled["content_id"].n_unique())


def _count_said(fit: pl.DataFrame, test: pl.DataFrame) -> int:
    keyed = [side.select("content_id", key=normalise(pl.col("tag"))).unique() for side in (fit, test)]
    often = keyed[0].group_by("key").len().filter(pl.col("len") >= MIN_USES)
    return keyed[1].join(often, on="key", how="semi").height


def _resolve(said: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    keyed = said.select("content_id", key=normalise(pl.col("tag")))
    return keyed.join(names, on="key").select("content_id", "tag_id").unique(maintain_order=True)
