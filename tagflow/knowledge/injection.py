"""Knowledge that is put into a question: samples with right and wrong tags, definitions and rules (LLM4Tag §3.3.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

from tagflow.decisions import TagRules
from tagflow.schemas import KNOWLEDGE_BASE, RAW_CLUES
from tagflow.tagset.rules import CompiledRules, compile_rules

NO_RULES = TagRules()
MOST_RIGHT = 8  # ours: right tags shown of a sample
MOST_WRONG = 4  # ours: wrong tags shown of a sample

RULE_WORDS = {
    "en": {
        "excludes": "never {} and {} together",
        "groups": "of {} at most {}",
        "implies": "{} brings {} along",
        "joint": ", ",
    },
    "zh": {
        "excludes": "{} 与 {} 不能同时选",
        "groups": "{} 之中最多选 {} 个",
        "implies": "选了 {} 就也选 {}",
        "joint": "、",
    },
}

NEIGHBOURS = pl.Schema({"content_id": pl.String(), "neighbour": pl.String(), "weight": pl.Float64()})
"""A content, a content like it, and how like."""


@dataclass(frozen=True)
class Knowledge:
    """What is known about the tags and about contents that people tagged; none of the test split.

    Attributes:
        tagset: ``fused_tagset``.
        rules: what people decided about tags.
        samples: ``knowledge_base``.
        contents: the samples' contents (``raw_clues`` columns).
        neighbours: columns of ``NEIGHBOURS``.
    """

    tagset: pl.DataFrame
    rules: TagRules = NO_RULES
    samples: pl.DataFrame = field(default_factory=lambda: KNOWLEDGE_BASE.tables["knowledge_base"].empty())
    contents: pl.DataFrame = field(default_factory=lambda: RAW_CLUES.tables["raw_clues"].empty())
    neighbours: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=NEIGHBOURS))

    def compile_rules(self) -> CompiledRules:
        """Return the rules by tag id."""
        return compile_rules(self.rules, self.tagset)


def find_neighbours(similarity: pl.DataFrame) -> pl.DataFrame:
    """Return the ``NEIGHBOURS`` of contents from the graph's similarity edges; the strongest edge of a pair counts."""
    linked = similarity.filter((pl.col("target_kind") == "content") & (pl.col("content_id") != pl.col("target")))
    pairs = linked.group_by("content_id", neighbour="target").agg(pl.col("weight").max())
    return pairs.select(list(NEIGHBOURS)).cast(NEIGHBOURS).sort("content_id", -pl.col("weight"), "neighbour")


def retrieve_samples(knowledge: Knowledge, contents: pl.DataFrame, most: int) -> pl.DataFrame:
    """Return the samples shown with each content: its nearest neighbours that people tagged, nearest first.

    A content is no sample for itself, nor is a content that says the same. What people decided comes before what was
    presumed; at most 8 right and 4 wrong tags of a sample are shown.

    Args:
        knowledge: samples and neighbours.
        contents: content_id and content_hash.
        most: samples of a content.

    Returns:
        content_id, neighbour, right and wrong (tag names), by content in the order given.
    """
    named = knowledge.samples.join(knowledge.tagset.select("tag_id", "tag"), on="tag_id").sort(
        "content_id", pl.col("origin") == "presumed", "tag"
    )
    told = named.group_by(neighbour="content_id", maintain_order=True).agg(
        right=pl.col("tag").filter(pl.col("right")).head(MOST_RIGHT),
        wrong=pl.col("tag").filter(~pl.col("right")).head(MOST_WRONG),
    )
    hashes = knowledge.contents.select(neighbour="content_id", other_hash="content_hash")
    return (
        contents.select("content_id", "content_hash")
        .join(knowledge.neighbours, on="content_id", maintain_order="left")
        .filter(pl.col("content_id") != pl.col("neighbour"))
        .join(told, on="neighbour", maintain_order="left")
        .join(hashes, on="neighbour", maintain_order="left")
        .filter(pl.col("content_hash") != pl.col("other_hash"))
        .with_columns(order=pl.int_range(pl.len()).over("content_id").cast(pl.Int64))
        .sort("content_id", -pl.col("weight"), "order", maintain_order=True)
        .group_by("content_id", maintain_order=True)
        .head(most)
        .select("content_id", "neighbour", "right", "wrong")
    )


def keep_allowed(pairs: pl.DataFrame, rules: CompiledRules, contents: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs without the tags that only people give and those of another language than the content's."""
    spoken = pairs.join(contents.select("content_id", "language"), on="content_id", how="left", maintain_order="left")
    bound = pl.col("tag_id").is_in(rules.languages["tag_id"].implode())
    fits = rules.languages.with_columns(fits=pl.lit(True))
    judged = spoken.join(fits, on=["tag_id", "language"], how="left", maintain_order="left")
    manual = pl.col("tag_id").is_in(rules.manual_only["tag_id"].implode())
    return judged.filter(~manual & (~bound | pl.col("fits").fill_null(False))).select(pairs.columns)


class Told(NamedTuple):
    """The rules as rows, so that many contents can be told them: pairs, and groups with how many are allowed."""

    excludes: list[tuple[str, str]]
    groups: list[tuple[str, int, list[str]]]
    implies: list[tuple[str, str]]


def list_rules(rules: CompiledRules) -> Told:
    """Return the rules that bind tags to each other."""
    grouped = rules.groups.group_by("group", "at_most", maintain_order=True).agg("tag_id").sort("group")
    return Told(rules.excludes.rows(), grouped.rows(), rules.implies.rows())


def tell_rules(tag_ids: Sequence[str], rules: Told, language: str) -> list[str]:
    """Return the rules among candidates in words, by their numbers from 1; a tag that is not shown brings none."""
    numbers = {tag_id: place + 1 for place, tag_id in enumerate(tag_ids)}
    words = RULE_WORDS["zh" if language == "zh" else "en"]
    said = [
        words["excludes"].format(numbers[one], numbers[other])
        for one, other in rules.excludes
        if one in numbers and other in numbers and numbers[one] < numbers[other]
    ]
    for _, at_most, members in rules.groups:
        shown = sorted(numbers[tag_id] for tag_id in members if tag_id in numbers)
        if len(shown) > at_most:
            said.append(words["groups"].format(words["joint"].join(map(str, shown)), at_most))
    for one, implied in rules.implies:
        if one in numbers and implied in numbers:
            said.append(words["implies"].format(numbers[one], numbers[implied]))
    return said
