"""The words of a tag set, by how much they are used: what a word cloud draws (TagGPT Fig. 6)."""

import polars as pl

from tagflow.tagset.normalisation import normalise

FUNCTION_WORDS = {
    "en": frozenset(
        "a about after all an and any are as at be been before between by can do does for from had has have he her "
        "his how i if in into is it its me my no nor not of off on or our out over she so than that the their them "
        "then there these they this those to too under up us was we were what when where which who why will with "
        "without you your".split()
    )
}
"""Articles, prepositions, pronouns, conjunctions and auxiliaries, by language. Source: ours."""

MOST = 150  # TagGPT Fig. 6: the top 150 words


def count_words(assigned: pl.DataFrame, language: str) -> pl.DataFrame:
    """Return word and contents of the ``MOST`` words in assigned tags, most used first, ties by alphabet.

    A tag is split at spaces; where a script has none, a tag is one word. A word counts once a content; one of a single
    letter or digit of a script with spaces does not count, nor does a function word beside others.

    Args:
        assigned: content_id and tag.
        language: whose function words are left out; without a list of them none are.
    """
    function_words = pl.col("word").is_in(list(FUNCTION_WORDS.get(language, ()))) & (pl.col("words") > 1)
    words = (
        assigned.select("content_id", word=normalise(pl.col("tag")).str.split(" "))
        .with_columns(words=pl.col("word").list.len())
        .explode("word")
        .drop_nulls()
        .filter(~pl.col("word").str.contains(r"^[\p{Latin}\p{N}\p{P}]?$") & ~function_words)
    )
    counted = words.group_by("word").agg(contents=pl.col("content_id").n_unique().cast(pl.Int64))
    return counted.sort(-pl.col("contents"), "word").head(MOST)
