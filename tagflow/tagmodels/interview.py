"""The language model as a tagging method asks it: one template a question, and the end of every content accounted for.

The questions go the way of the tag model's own: through the same endpoint, journal, budget and manifest, with one more
try for what a second try can mend. A content of which a question has no answer stands in ``failures``, not among the
method's answers.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Generic, NamedTuple, TypeVar

import polars as pl

from tagflow.calls import Answer, Call
from tagflow.knowledge.injection import Knowledge, keep_allowed
from tagflow.ports import Engine, LanguageModel, Progress
from tagflow.prompts.framing import encode_text
from tagflow.tagmodels.asking import FIRST, NOTHING_SHOWN, Effort, Question, Reply, ask
from tagflow.tagmodels.ledger import Ledger
from tagflow.tagmodels.writing import Writer

BATCH = 256  # ours: questions that go out together

R = TypeVar("R")

Clues = list[tuple[str, str]]

Read = Callable[[str], tuple[R | None, str]]
"""Reads the text of an answer: the value, or None and why not (a key of ``asking.WORDS``)."""


@dataclass(frozen=True)
class Enquiry(Generic[R]):
    """One question of a method about one content.

    Attributes:
        key: what the method knows the question by.
        content_id: the content that it is about, for accounts and failures.
        clues: what is shown of it.
        read: reads an answer.
        schema: JSON schema that the answer must follow, as text.
        max_tokens: most tokens of an answer.
        slots: of the template, but for ``content``; ``samples`` have the least important first.
    """

    key: Hashable
    content_id: str
    clues: Clues
    read: Read[R]
    schema: str
    max_tokens: int
    slots: Mapping[str, Any] = field(default_factory=dict)


class Asked(NamedTuple, Generic[R]):
    """What came of questions.

    ``values`` has the usable values of the answers by the questions' keys; a question without one has no key.
    ``failed`` are the contents of which a question has no answer, but for the ends that were forgiven.
    """

    values: dict[Hashable, list[R]]
    failed: frozenset[str]


class Interview:
    """Puts a method's questions to a language model."""

    def __init__(
        self,
        model: str,
        find_model: Callable[[str], LanguageModel],
        gather: Callable[[], Knowledge],
        writer: Writer,
        tools: tuple[Engine, Progress],
        *,
        single: bool = False,
    ) -> None:
        """Keep the parts; nothing is opened, read or sent before the first question.

        Args:
            model: the language model's name.
            find_model: opens a model of the endpoint by its name; this one, or a tuned one.
            gather: gives tags, rules, and contents that people tagged; none of the test split.
            writer: writes the calls within the limits; shows the fields that may be shown, redacted.
            tools: run the batches and tell how far they are.
            single: whether a content has at most one tag.
        """
        self.model, self.writer, self.single = model, writer, single
        self._find_model, self._gather = find_model, gather
        self._engine, self._progress = tools
        self._ledger = Ledger()

    @cached_property
    def knowledge(self) -> Knowledge:
        """What is known of tags and annotated contents."""
        return self._gather()

    @property
    def name(self) -> str:
        """Short name for people: llm and the model's."""
        return f"llm:{self.model}"

    @property
    def failures(self) -> pl.DataFrame:
        """Contents with a question that has no answer: content_id, task, outcome, reason, requests."""
        return self._ledger.failures

    @property
    def cuts(self) -> pl.DataFrame:
        """What of a content was left out of a question: content_id, task, field, kept and total characters."""
        return self._ledger.cuts

    @property
    def counts(self) -> dict[str, int]:
        """How many answers were read in which way, ``unusable`` ones among them."""
        return self._ledger.counts

    def see(self, contents: pl.DataFrame) -> dict[str, Clues]:
        """Return what may be shown of each content, in order; one of which nothing may be shown is empty."""
        return {content_id: self.writer.see(said) for content_id, said in contents.select("content_id", "clues").rows()}

    def encode_sample(self, clues: Clues) -> str:
        """Return a sample's clues on one line, encoded and short."""
        return self.writer.shorten(clues)

    def keep_allowed(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
        """Return the pairs without the tags that only people give and those of another language than the content's."""
        return keep_allowed(pairs, self.knowledge.compile_rules(), contents)

    def ask(
        self,
        task: str,
        enquiries: Sequence[Enquiry[R]],
        *,
        samples: int = 1,
        temperature: float = 0.0,
        model: str | None = None,
        forgive: Sequence[str] = (),
    ) -> Asked[R]:
        """Return what came of the questions.

        Args:
            task: names the template.
            enquiries: the questions.
            samples: answers drawn for each.
            temperature: of the answers.
            model: another model of the endpoint; the deployment's.
            forgive: outcomes after which the content is not failed, as the method goes on without the answer.

        Raises:
            ModelError: the endpoint refuses everything.
        """
        if not enquiries:
            return Asked({}, frozenset())
        asked = self._find_model(model or self.model)
        settings = {"samples": samples, "temperature": temperature}
        spoken = [one for one in enquiries if one.clues]
        slices = [spoken[start : start + BATCH] for start in range(0, len(spoken), BATCH)]
        followed = self._progress.follow(slices, f"questions of {task}", len(spoken), len)
        replies: list[Reply[list[R]]] = []
        for part in self._engine.map(partial(self._ask_batch, asked, task, settings), followed):
            replies += part
        ended: dict[str, list[tuple[str, str, int]]] = {one.content_id: [] for one in enquiries}
        for one in enquiries:
            if not one.clues:
                ended[one.content_id].append(("rejected", NOTHING_SHOWN, 0))
        values: dict[Hashable, list[R]] = {}
        for one, reply in zip(spoken, replies, strict=True):
            if reply.value is not None:
                values[one.key] = reply.value
            elif reply.outcome not in forgive:
                ended[one.content_id].append((reply.outcome, reply.reason, reply.requests))
        for content_id, failed in ended.items():
            self._ledger.settle(content_id, task, failed)
        return Asked(values, frozenset(content_id for content_id, failed in ended.items() if failed))

    def renew(self) -> "Interview":
        """Return the same with books of its own, so that what one method failed at is not another's."""
        tools = (self._engine, self._progress)
        return Interview(self.model, self._find_model, lambda: self.knowledge, self.writer, tools, single=self.single)

    def _ask_batch(
        self, model: LanguageModel, task: str, settings: Mapping[str, Any], part: Sequence[Enquiry[R]]
    ) -> list[Reply[list[R]]]:
        questions = [Question(partial(self._write, task, settings, one), partial(self._read, one.read)) for one in part]
        return ask(model, questions)

    def _write(self, task: str, settings: Mapping[str, Any], one: Enquiry[R], effort: Effort) -> Call | None:
        """Samples go first where room is short: they are left out of a call that was too long."""
        shown = list(one.slots.get("samples", ())) if effort.share == FIRST.share else []
        while True:
            slots = {"single": self.single, **one.slots, "samples": shown}
            call = self.writer.write(
                task,
                one.content_id,
                [one.clues],
                slots,
                effort,
                max_tokens=one.max_tokens,
                schema=one.schema,
                keep_cuts=partial(self._ledger.cut, one.content_id, task),
                also_shown=[field_name for sample in shown for field_name in sample["fields"]],
                **settings,
            )
            if call is not None or not shown:
                return call
            shown = shown[1:]

    def _read(self, read: Read[R], answer: Answer) -> tuple[list[R] | None, str]:
        values: list[R] = []
        faults: list[str] = []
        for sample in answer.samples:
            value, fault = read(sample.text)
            if value is None:
                faults.append(fault)
            else:
                values.append(value)
        self._ledger.count({name: count for name, count in (("read", len(values)), ("unusable", len(faults))) if count})
        return (values, "") if values else (None, faults[0] if faults else "blank")


def describe_sample(
    interview: Interview, clues: Clues, tags: Sequence[str], because: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return a sample for a template: its content and tags encoded, clues and reasoning if they are known."""
    told = because or {}
    return {
        "content": interview.encode_sample(clues),
        "tags": "[" + ", ".join(map(encode_text, tags)) + "]",
        "fields": [name for name, _ in clues],
        **{name: encode_text(told[name]) if told.get(name) else "" for name in ("clues", "reasoning")},
    }
