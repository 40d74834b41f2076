"""What several answers about one content propose together (TagGPT §2.1.2, released code: five answers)."""

import re
from collections.abc import Mapping, Sequence

import polars as pl

from tagflow.prompts.answers import Reading
from tagflow.tagset.normalisation import lexical_text, needle_text, normalise

VOTES = pl.Schema({"content_id": pl.String(), "tag": pl.String(), "votes": pl.Int64(), "score": pl.Float64()})


def count_votes(said: Mapping[str, Sequence[Reading]], asked: int, most: int) -> pl.DataFrame:
    """Return each content's tags with votes and score, best first, ties by normal form; at most ``most`` of each.

    A vote is an answer that says the tag in any spelling; it is written as most answers write it, ties by the first.

    Args:
        said: the answers that could be read, by content.
        asked: answers asked for; an answer that could not be read votes for nothing.
        most: tags of a content.
    """
    rows = [(content_id, tag) for content_id, readings in said.items() for one in readings for tag in one.values]
    spoken = pl.DataFrame(rows, schema={"content_id": pl.String(), "tag": pl.String()}, orient="row")
    spelled = (
        spoken.with_columns(key=normalise(pl.col("tag")))
        .group_by("content_id", "key", "tag", maintain_order=True)
        .agg(times=pl.len().cast(pl.Int64))
    )
    voted = (
        spelled.with_columns(votes=pl.col("times").sum().over("content_id", "key"))
        .with_columns(first=pl.int_range(pl.len()))
        .sort(-pl.col("times"), "first")
        .unique(["content_id", "key"], keep="first", maintain_order=True)
    )
    order = pl.DataFrame({"content_id": list(said)}, schema={"content_id": pl.String()}).with_row_index("place")
    best = voted.join(order, on="content_id").sort("place", -pl.col("votes"), "key")
    kept = best.group_by("content_id", maintain_order=True).head(most)
    return kept.select("content_id", "tag", "votes", score=(pl.col("votes") / asked).clip(0, 1)).cast(VOTES)


def find_leaks(votes: pl.DataFrame, contents: pl.DataFrame, template: str) -> pl.Series:
    """Return for each proposed tag whether the instructions say it and the content does not.

    Only the template's own words count as instructions: the dataset's words for its domain may well be tags.

    Args:
        votes: content_id and tag.
        contents: content_id and clues.
        template: text of the template.
    """
    own = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "\n", template, flags=re.S)
    instructions = pl.select(lexical_text(pl.lit(own))).item()
    joined = pl.col("clues").list.eval(pl.element().struct.field("text")).list.join("\n")
    texts = contents.select("content_id", said=lexical_text(joined.fill_null("")))
    asked = votes.join(texts, on="content_id", how="left", maintain_order="left").with_columns(
        needle=needle_text(pl.col("tag"))
    )
    told = pl.lit(instructions).str.contains(pl.col("needle"), literal=True)
    named = pl.col("said").str.contains(pl.col("needle"), literal=True)
    return asked.select((told & ~named & (pl.col("needle").str.strip_chars() != "")).alias("leaked")).to_series()
