"""What several answers about one content propose together (TagGPT §2.1.2, released code: five answers)."""

import re
from collections.abc import Mapping, Sequence

import polars as pl

from tagflow.prompts.answers import Reading
from tagflow.prompts.rendering import Prompts
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
    rows = [
        (content_id, answer, tag)
        for content_id, readings in said.items()
        for answer, reading in enumerate(readings)
        for tag in reading.values
    ]
    schema = {"content_id": pl.String(), "answer": pl.Int64(), "tag": pl.String()}
    spelled = (
        pl.DataFrame(rows, schema=schema, orient="row")
        .with_columns(key=normalise(pl.col("tag")))
        .filter(pl.col("key") != "")
        .unique(["content_id", "answer", "key"], keep="first", maintain_order=True)
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


def find_leaks(votes: pl.DataFrame, contents: pl.DataFrame, prompts: Prompts) -> pl.Series:
    """Return for each proposed tag whether the instructions say it and the content does not.

    Instructions are the template's own words and the tags of a packaged example that was shown with the content; a
    dataset's words for its domain and its own examples may well be tags of its contents.

    Args:
        votes: content_id and tag.
        contents: content_id, content_hash and clues.
        prompts: what was rendered.
    """
    own = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "\n", prompts.templates["propose"], flags=re.S)
    joined = pl.col("clues").list.eval(pl.element().struct.field("text")).list.join("\n").fill_null("")
    shown = pl.Series("shown", [prompts.borrow_tags(one) for one in contents["content_hash"]], dtype=pl.String)
    texts = contents.with_columns(shown).select(
        "content_id", said=lexical_text(joined), told=lexical_text(pl.lit(f"{own}\n") + pl.col("shown"))
    )
    asked = votes.join(texts, on="content_id", how="left", maintain_order="left")
    needle = needle_text(pl.col("tag"))
    told, said = (pl.col(text).str.contains(needle, literal=True) for text in ("told", "said"))
    return asked.select(leaked=told & ~said & (needle.str.strip_chars() != "")).to_series()
