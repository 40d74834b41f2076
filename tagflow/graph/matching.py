"""Names that others gave become tags of the tag set: by their spelling, or by the encoder (TagGPT §2.2.1)."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tagflow.graph.insertion import BuildIndex
from tagflow.graph.space import Space
from tagflow.ports import Encoder
from tagflow.tagset.normalisation import normalise, tag_text

MATCHED = pl.Schema({"said": pl.String(), "tag_id": pl.String(), "cosine": pl.Float64(), "exact": pl.Boolean()})
"""A name, a tag that it stands for, their cosine (1 where the spelling says so), and whether the spelling says so."""


def match_names(
    said: pl.Series,
    names: pl.DataFrame,
    space: Space,
    encoder: Encoder,
    build_index: BuildIndex,
    *,
    threshold: float,
    nearest: int = 1,
) -> pl.DataFrame:
    """Return ``MATCHED`` of names: the tag of this name or alias, else the nearest tags, nearest first, ties by tag.

    Args:
        said: names as they were said; each counts once.
        names: key and tag_id of every name and alias (``resolve_tags``); without rows the encoder alone decides.
        space: holds the tags' vectors.
        encoder: of the space.
        build_index: makes a nearest-neighbour index.
        threshold: least cosine.
        nearest: tags of a name at most, where its spelling does not decide.
    """
    asked = pl.DataFrame({"said": said.unique(maintain_order=True)}, schema={"said": pl.String})
    keyed = asked.with_columns(key=normalise(pl.col("said")))
    exact = keyed.join(names, on="key", maintain_order="left").select(
        "said", "tag_id", cosine=pl.lit(1.0), exact=pl.lit(True)
    )
    rest = keyed.join(exact, on="said", how="anti", maintain_order="left").filter(pl.col("key") != "")
    texts = rest.select(tag_text(pl.col("said"))).to_series().to_list()
    if not texts or not len(space.tags):
        return exact.cast(MATCHED)
    indices, cosines = build_index(space.tag_vectors).search(encoder.encode(texts), nearest)
    found = list_found(rest["said"], space.tags["node"], indices, cosines)
    near = found.select(said="content_id", tag_id="tag_id", cosine=pl.col("score").clip(-1, 1))
    passed = near.filter(pl.col("cosine") >= threshold).with_columns(exact=pl.lit(False))
    return pl.concat([exact.cast(MATCHED), passed.cast(MATCHED)])


def explain_match() -> pl.Expr:
    """Return how a name became a tag, in words; needs the columns said, cosine and exact."""
    near = pl.format('"{}" lies near it: cosine {}', pl.col("said"), pl.col("cosine").round(2))
    return pl.when(pl.col("exact")).then(pl.format('"{}" is its name or alias', pl.col("said"))).otherwise(near)


def take_best(scores: NDArray[np.float32], most: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return columns and scores of the best of each row, (rows, min(most, columns)); best first, ties by column."""
    most = min(most, scores.shape[1])
    if most == 0 or not len(scores):
        return np.empty((len(scores), most), np.int64), np.empty((len(scores), most), np.float32)
    away = -scores
    row, column = np.nonzero(away <= np.partition(away, most - 1, axis=1)[:, most - 1, None])  # ties are in it too
    order = np.lexsort((column, away[row, column], row))
    kept = order[np.arange(len(row)) - np.searchsorted(row, row) < most]
    return column[kept].reshape(-1, most).astype(np.int64), scores[row[kept], column[kept]].reshape(-1, most)


def list_found(
    content_ids: pl.Series, tag_ids: pl.Series, columns: NDArray[np.int64], scores: NDArray[np.float32]
) -> pl.DataFrame:
    """Return content_id, tag_id and score of what was found for each content, in its order."""
    return pl.DataFrame(
        {
            "content_id": content_ids.gather(np.repeat(np.arange(len(content_ids)), columns.shape[1])),
            "tag_id": tag_ids.gather(columns.ravel()),
            "score": scores.ravel().astype(np.float64),
        },
        schema={"content_id": pl.String, "tag_id": pl.String, "score": pl.Float64},
    )
