"""A plain peer for languages without spaces: contents that share rare runs of characters vote for their tags."""

import numpy as np
import polars as pl
from sklearn.feature_extraction.text import TfidfVectorizer

from tagflow.tagset.normalisation import normalise
from tagflow.tagset.vocabulary import explode_labels

VOTERS = 20
ROWS = 512  # contents compared with all others at once


def vote_by_characters(clues: pl.DataFrame, names: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """Return the tags of the ``VOTERS`` contents nearest by TF-IDF of runs of 2 to 4 characters, by summed cosine.

    Args:
        clues: ``raw_clues``; those with labels outside the test split vote.
        names: key and tag_id of every name and alias.
        asked: the contents to tag, with their text.

    Returns:
        content_id, tag_id, tag (its id) and confidence: the sum of the cosines of the contents that have the tag.
    """
    labels = explode_labels(clues)
    fit = clues.join(labels, on="content_id", how="semi", maintain_order="left")
    taught = labels.select("content_id", key=normalise(pl.col("tag"))).join(names, on="key")
    taught = taught.select(voter="content_id", tag_id="tag_id").unique()
    counter = TfidfVectorizer(analyzer="char", ngram_range=(2, 4), dtype=np.float32)
    voters, queries = counter.fit_transform(fit["text"].to_list()), counter.transform(asked["text"].to_list())
    parts = []
    for start in range(0, len(asked), ROWS):
        cosine = (queries[start : start + ROWS] @ voters.T).toarray()
        near = np.argsort(-cosine, axis=1, kind="stable")[:, :VOTERS]
        rows = np.repeat(np.arange(start, start + len(near)), near.shape[1])
        closeness = np.take_along_axis(cosine, near, axis=1).ravel().astype(np.float64)
        parts.append(
            pl.DataFrame(
                {
                    "content_id": asked["content_id"].gather(rows),
                    "voter": fit["content_id"].gather(near.ravel()),
                    "closeness": closeness,
                }
            )
        )
    votes = pl.concat(parts).join(taught, on="voter")
    return votes.group_by("content_id", "tag_id").agg(confidence=pl.col("closeness").sum()).with_columns(tag="tag_id")
