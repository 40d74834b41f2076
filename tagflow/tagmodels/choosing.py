"""Selection among numbered candidates with injected knowledge (TagGPT §2.2.2, LLM4Tag §3.3, eq. 9)."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import polars as pl

from tagflow.calls import Answer, Call
from tagflow.confidence.model import describe_prior_model, judge_pairs
from tagflow.confidence.staleness import digest
from tagflow.knowledge.injection import Knowledge, keep_allowed, list_rules, retrieve_samples, tell_rules
from tagflow.ports import LanguageModel
from tagflow.prompts.answers import Reading, make_schema, read_choices
from tagflow.prompts.framing import encode_text
from tagflow.prompts.rendering import list_candidates
from tagflow.tagmodels.asking import FIRST, NOTHING_SHOWN, Effort, Question, ask
from tagflow.tagmodels.ledger import Ledger
from tagflow.tagmodels.writing import Writer

NUMBER_TOKENS = 4  # ours: of a number in an answer
FORM_TOKENS = 64  # ours: of what stands around a list in an answer

LOOKED_UP = pl.Schema({"content_id": pl.String(), "candidates": pl.List(pl.String()), "told": pl.String()})

HALLUCINATED = ("out_of_range", "unknown_name", "disagreeing")
"""Slips that name something outside the list."""


class _Task(NamedTuple):
    """A content with its candidates, in the order of their numbers."""

    content_id: str
    clues: list[tuple[str, str]]
    rows: list[int]
    tag_ids: list[str]


class Chooser:
    """Asks which candidates fit a content, or in which order they do."""

    def __init__(
        self, model: LanguageModel, knowledge: Knowledge, writer: Writer, ledger: Ledger, *, single: bool
    ) -> None:
        """Keep the parts; the rules are compiled once."""
        self._model, self._knowledge, self._writer, self._ledger = model, knowledge, writer, ledger
        self._rules = knowledge.compile_rules()
        self._told = list_rules(self._rules)
        self._single = single
        tagset = knowledge.tagset
        self._names = {
            tag_id: [tag, *aliases] for tag_id, tag, aliases in tagset.select("tag_id", "tag", "aliases").rows()
        }
        self._definitions = dict(tagset.select("tag_id", "description").drop_nulls().iter_rows())

    def choose(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
        """Return the chosen pairs of the contents with ``choice``, best first."""
        asked = self._writer.limits.choices
        chosen: dict[int, float] = {}
        for task, readings in self._ask("select", pairs, contents):
            for reading in readings:
                for place in reading.values:
                    chosen[task.rows[place]] = chosen.get(task.rows[place], 0.0) + 1 / asked
        return _attach(pairs, chosen)

    def order(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
        """Return the ordered pairs of the contents, with a ``choice`` that falls from place to place."""
        chosen = {}
        for task, (reading, *_) in self._ask("rerank", pairs, contents):
            for step, place in enumerate(reading.values):
                chosen[task.rows[place]] = 1 - step / len(task.rows)
        return _attach(pairs, chosen)

    def _ask(self, name: str, pairs: pl.DataFrame, contents: pl.DataFrame) -> list[tuple[_Task, list[Reading]]]:
        tasks = self._gather(name, pairs, contents)
        samples = self._gather_samples(contents)
        questions = [
            Question(
                partial(self._write, name, task, samples.get(task.content_id, [])),
                partial(self._read, [self._names[tag_id] for tag_id in task.tag_ids]),
            )
            for task in tasks
        ]
        told = []
        for task, reply in zip(tasks, ask(self._model, questions), strict=True):
            failed = [(reply.outcome, reply.reason, reply.requests)] if reply.value is None else []
            self._ledger.settle(task.content_id, name, failed)
            if reply.value is not None:
                told.append((task, reply.value))
        return told

    def _gather(self, name: str, pairs: pl.DataFrame, contents: pl.DataFrame) -> list[_Task]:
        """The contents' candidates that may be shown, the likeliest first, ties by tag id."""
        tasks = []
        shown = self._list_shown(pairs, contents)
        joined = contents.select("content_id", "clues").join(shown, on="content_id", maintain_order="left")
        for content_id, clues, rows, tag_ids in joined.rows():
            seen = self._writer.see(clues)
            if seen:
                tasks.append(_Task(content_id, seen, rows, tag_ids))
            else:
                self._ledger.settle(content_id, name, [("rejected", NOTHING_SHOWN, 0)])
        return tasks

    def _list_shown(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
        numbered = pairs.with_row_index("row").join(contents.select("content_id"), on="content_id", how="semi")
        allowed = keep_allowed(numbered, self._rules, contents)
        prior = judge_pairs(describe_prior_model(), allowed.with_columns(annotated=pl.lit(False)))
        return (
            allowed.select("content_id", "tag_id", "row", prior=pl.Series(prior))
            .sort(-pl.col("prior"), "tag_id")
            .group_by("content_id", maintain_order=True)
            .head(self._writer.limits.candidates)
            .group_by("content_id", maintain_order=True)
            .agg("row", "tag_id")
        )

    def look_up(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
        """Return content_id, candidates and told (see ``TagModel.look_up``): definitions, rules and samples, by id."""
        shown = self._list_shown(pairs, contents)
        hashes = dict(self._knowledge.contents.select("content_id", "content_hash").rows())
        ids = dict(self._knowledge.tagset.select("tag", "tag_id").rows())
        samples: dict[str, list[object]] = {}
        for content_id, neighbour, *told in retrieve_samples(
            self._knowledge, contents, self._writer.limits.shown
        ).rows():
            tags = [sorted(ids[name] for name in names) for names in told]
            samples.setdefault(content_id, []).append([hashes[neighbour], *tags])
        known = {content_id: sorted(tag_ids) for content_id, tag_ids in shown.select("content_id", "tag_id").rows()}
        rows = []
        for content_id in contents["content_id"]:
            tag_ids = known.get(content_id, [])
            definitions = [self._writer.clip(self._definitions.get(tag_id, "")) for tag_id in tag_ids]
            rules = tell_rules(tag_ids, self._told, self._writer.prompts.language)
            rows.append((content_id, tag_ids, digest(definitions, rules, samples.get(content_id, []))))
        return pl.DataFrame(rows, schema=LOOKED_UP, orient="row")

    def _gather_samples(self, contents: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
        """The samples shown with each content, encoded; only fields that may be shown, redacted."""
        found = retrieve_samples(self._knowledge, contents, self._writer.limits.shown)
        texts = self._knowledge.contents.join(found.select(content_id="neighbour"), on="content_id", how="semi")
        clues = {content_id: self._writer.see(said) for content_id, said in texts.select("content_id", "clues").rows()}
        samples: dict[str, list[dict[str, Any]]] = {}
        for content_id, neighbour, right, wrong in found.rows():
            if seen := clues.get(neighbour):
                samples.setdefault(content_id, []).append(
                    {
                        "content": self._writer.shorten(seen),
                        "right": ", ".join(map(encode_text, right)),
                        "wrong": ", ".join(map(encode_text, wrong)),
                        "fields": [field for field, _ in seen],
                    }
                )
        return samples

    def _write(self, name: str, task: _Task, samples: list[dict[str, Any]], effort: Effort) -> Call | None:
        """Samples go first where room is short: they are left out of a call that was too long."""
        limits, prompts = self._writer.limits, self._writer.prompts
        shown = samples if effort.share == FIRST.share else []
        known = [place for place, tag_id in enumerate(task.tag_ids) if tag_id in self._definitions]
        definitions = {
            place: self._writer.clip(self._definitions[task.tag_ids[place]]) for place in known[: limits.definitions]
        }
        fields: dict[str, Any] = {
            "max_tokens": len(task.tag_ids) * NUMBER_TOKENS + FORM_TOKENS,
            "schema": make_schema(name, len(task.tag_ids)),
            "keep_cuts": partial(self._ledger.cut, task.content_id, name),
        }
        if name == "select" and limits.choices > 1:
            fields |= {"samples": limits.choices, "temperature": limits.temperature}
        while True:
            slots = {
                "candidates": list_candidates([self._names[tag_id][0] for tag_id in task.tag_ids], definitions),
                "rules": tell_rules(task.tag_ids, self._told, prompts.language),
                "samples": shown,
                "single": self._single,
            }
            fields["also_shown"] = [field for sample in shown for field in sample["fields"]]
            call = self._writer.write(name, task.content_id, [task.clues], slots, effort, **fields)
            if call is not None or not shown:
                return call
            shown = shown[:-1]

    def _read(self, names: Sequence[Sequence[str]], answer: Answer) -> tuple[list[Reading] | None, str]:
        readings = [read_choices(sample.text, names) for sample in answer.samples]
        for reading in readings:
            made_up = sum(reading.slips.get(slip, 0) for slip in HALLUCINATED)
            counts = {f"read_{reading.mode}" if reading.usable else "unusable": 1, **reading.slips}
            self._ledger.count({**counts, "hallucinated": made_up} if made_up else counts)
        usable = [reading for reading in readings if reading.usable]
        return (usable, "") if usable else (None, readings[0].mode if readings else "blank")


def _attach(pairs: pl.DataFrame, chosen: dict[int, float]) -> pl.DataFrame:
    schema = {"row": pl.get_index_type(), "choice": pl.Float64()}
    choices = pl.DataFrame([*chosen.items()], schema=schema, orient="row")
    kept = pairs.with_row_index("row").join(choices, on="row", maintain_order="left")
    return kept.with_columns(pl.col("choice").clip(0, 1)).drop("row")
