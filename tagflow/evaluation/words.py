"""The words of a tag set, by how much they are used: what a word cloud draws (TagGPT Fig. 6)."""

import polars as pl

from tagflow.tagset.normalisation import normalise

MOST = 150  # TagGPT Fig. 6: the top 150 words


def count_words(assigned: pl.DataFrame) -> pl.DataFrame:
    """Return word and contents of the ``MOST`` words in assigned tags, most used first, ties by alphabet.

    A tag is split at spaces; where a script has none, a tag is one word. A word counts once a content; one of a single
    letter or digit of a script with spaces does not count.

    Args:
        assigned: content_id and tag.
    """
    words = (
        assigned.select("content_id", word=normalise(pl.col("tag")).str.split(" "))
        .explode("word")
        .drop_nulls()
        .filter(~pl.col("word").str.contains(r"^[\p{Latin}\p{N}\p{P}]?$"))
    )
    counted = words.group_by("word").agg(contents=pl.col("content_id").n_unique().cast(pl.Int64))
    return counted.sort(-pl.col("contents"), "word").head(MOST)
