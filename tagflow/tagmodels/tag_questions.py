"""Questions about tags alone: whether two mean one thing, and what one stands for."""

from functools import partial
from typing import Any

import polars as pl

from tagflow.calls import Answer, Call
from tagflow.ports import LanguageModel
from tagflow.prompts.answers import make_schema, read_definition
from tagflow.prompts.framing import encode_text
from tagflow.tagmodels.asking import NOTHING_SHOWN, Effort, Question, ask
from tagflow.tagmodels.judging import judge_all
from tagflow.tagmodels.writing import Writer

DEFINITION_TOKENS = 200  # ours: of an answer

CONFIRMED = pl.Schema(
    {
        "left": pl.String(),
        "right": pl.String(),
        "choice": pl.Float64(),
        "rung": pl.String(),
        "outcome": pl.String(),
        "reason": pl.String(),
        "requests": pl.Int64(),
    }
)
"""``choice``: probability that the two mean one thing, null without an answer; ``rung``: what gave it."""

DESCRIBED = pl.Schema(
    {
        "tag_id": pl.String(),
        "description": pl.String(),
        "outcome": pl.String(),
        "reason": pl.String(),
        "requests": pl.Int64(),
    }
)


def confirm_pairs(model: LanguageModel, writer: Writer, pairs: pl.DataFrame) -> pl.DataFrame:
    """Return ``CONFIRMED`` of pairs of tags (left, right, and their definitions if they are known)."""
    absent = [pl.lit(None, pl.String).alias(f"{side}_definition") for side in ("left", "right")]
    known = pairs.with_columns(one for one in absent if one.meta.output_name() not in pairs.columns)
    rows = known.select("left", "right", "left_definition", "right_definition").rows()
    verdicts = judge_all(model, writer.limits, [partial(_write_pair, writer, *row) for row in rows])
    said = [
        (left, right, one.probability, one.rung, one.outcome, one.reason, one.requests)
        for (left, right, *_), one in zip(rows, verdicts, strict=True)
    ]
    return pl.DataFrame(said, schema=CONFIRMED, orient="row")


def describe_tags(model: LanguageModel, writer: Writer, tags: pl.DataFrame, examples: pl.DataFrame) -> pl.DataFrame:
    """Return ``DESCRIBED`` of tags (tag_id, tag, aliases) from contents that carry them (tag_id, clues)."""
    shown = examples.group_by("tag_id", maintain_order=True).head(writer.limits.examples)
    clues: dict[str, list[list[tuple[str, str]]]] = {}
    for tag_id, said in shown.select("tag_id", "clues").rows():
        if seen := writer.see(said):
            clues.setdefault(tag_id, []).append(seen)
    rows = tags.select("tag_id", "tag", "aliases").rows()
    asked = [row for row in rows if row[0] in clues]
    questions = [Question(partial(_write_tag, writer, clues[row[0]], *row), _read_sentence) for row in asked]
    replies = dict(zip((row[0] for row in asked), ask(model, questions), strict=True))
    told: list[tuple[Any, ...]] = []
    for tag_id, _, _ in rows:
        reply = replies.get(tag_id)
        if reply is None:
            told.append((tag_id, None, "rejected", NOTHING_SHOWN, 0))
        else:
            told.append((tag_id, reply.value, reply.outcome, reply.reason, reply.requests))
    return pl.DataFrame(told, schema=DESCRIBED, orient="row")


def _write_pair(
    writer: Writer,
    left: str,
    right: str,
    left_definition: str | None,
    right_definition: str | None,
    form: str,
    fields: dict[str, Any],
    effort: Effort,
) -> Call | None:
    sides = {}
    for side, name, definition in (("left", left, left_definition), ("right", right, right_definition)):
        known = encode_text(writer.clip(definition)) if definition else ""
        sides[side] = {"name": encode_text(name), "definition": known}
    return writer.write("confirm", f"{left} / {right}", [], {**sides, "form": form}, effort, **fields)


def _write_tag(
    writer: Writer,
    contents: list[list[tuple[str, str]]],
    tag_id: str,
    tag: str,
    aliases: list[str],
    effort: Effort,
) -> Call | None:
    slots = {"tag": encode_text(tag), "aliases": ", ".join(map(encode_text, aliases))}
    schema = make_schema("describe", 1)
    return writer.write("describe", tag_id, contents, slots, effort, max_tokens=DEFINITION_TOKENS, schema=schema)


def _read_sentence(answer: Answer) -> tuple[str | None, str]:
    reading = read_definition(answer.samples[0].text if answer.samples else "")
    return (str(reading.values[0]), "") if reading.usable else (None, reading.mode)
