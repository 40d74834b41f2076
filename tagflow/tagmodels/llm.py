"""The tag model of a language model: TagGPT's proposals, LLM4Tag's selection with knowledge and its confidence."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tagflow.calls import Answer, Call
from tagflow.clues.conversion import has_text
from tagflow.confidence.rungs import RungCalibration
from tagflow.errors import ConfigError
from tagflow.knowledge.injection import Knowledge
from tagflow.ports import Engine, LanguageModel, Progress
from tagflow.prompts.answers import PARSER, Reading, make_schema, read_tags
from tagflow.prompts.framing import encode_text
from tagflow.prompts.rendering import Prompts
from tagflow.schemas import CANDIDATE_TAGS
from tagflow.settings import CLUE_FIELDS
from tagflow.tagmodels.asking import NOTHING_SHOWN, Effort, Question, Reply, ask
from tagflow.tagmodels.choosing import Chooser
from tagflow.tagmodels.judging import Verdict, judge_all
from tagflow.tagmodels.ledger import Ledger
from tagflow.tagmodels.tag_questions import CONFIRMED, DESCRIBED, confirm_pairs, describe_tags
from tagflow.tagmodels.voting import count_votes, find_leaks
from tagflow.tagmodels.writing import Limits, Writer

BATCH = 256  # ours: contents whose questions go out together

PROPOSED_TOKENS = 12  # ours: of a tag in an answer
FORM_TOKENS = 64  # ours: of what stands around a list in an answer


R = TypeVar("R")


class LLMTagModel:
    """Proposes, selects and judges by asking a language model; whatever it cannot answer is accounted for.

    Nothing that the model answers becomes a tag by itself: proposals are counted by the tag set's construction, a
    selection is a number of the list. ``failures``, ``rungs``, ``cuts`` and ``counts`` say what became of the
    questions since this object was made; of several answers about a content and task the latest counts.
    """

    def __init__(
        self,
        model: LanguageModel,
        knowledge: Knowledge,
        prompts: Prompts,
        engine: Engine,
        progress: Progress,
        *,
        limits: Limits | None = None,
        fields: Sequence[str] = CLUE_FIELDS,
        redact: Callable[[str], str] | None = None,
        calibrate: RungCalibration | None = None,
        single: bool = False,
        find_model: Callable[[str], LanguageModel] | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        """Keep the parts.

        Args:
            model: the language model.
            knowledge: tag set, rules and samples.
            prompts: the dataset's templates.
            engine: runs the batches.
            progress: told how far the questions are.
            limits: the numbers of the questions.
            fields: clue fields that may be shown.
            redact: applied to every text of a content before it is shown.
            calibrate: fitted on pairs with labels; without it the numbers are the model's own.
            single: whether a content has at most one tag.
            find_model: opens another model of the endpoint by its name.
            ledger: where the ends of its questions are kept; its own without one.
        """
        self._model, self._knowledge, self._prompts = model, knowledge, prompts
        self._engine, self._progress, self._calibrate = engine, progress, calibrate
        self._limits = limits or Limits()
        self._writer = Writer(prompts, self._limits, tuple(fields), redact)
        self._find_model, self._single = find_model, single
        self._ledger = ledger or Ledger()
        self._chooser = Chooser(model, knowledge, self._writer, self._ledger, single=single)
        self._definitions = dict(knowledge.tagset.select("tag_id", "description").drop_nulls().iter_rows())
        self._names = dict(knowledge.tagset.select("tag_id", "tag").iter_rows())

    @property
    def name(self) -> str:
        """Short name for people: llm and the model's."""
        return f"llm:{self._model.name}"

    @property
    def calibrated(self) -> bool:
        """Whether the numbers of a rung were compared with labels."""
        return bool(self.calibrated_rungs)

    @property
    def calibrated_rungs(self) -> frozenset[str]:
        """The rungs whose numbers were compared with labels."""
        return self._calibrate.rungs if self._calibrate else frozenset()

    @property
    def proposer(self) -> str:
        """Hash of template, examples, numbers, fields shown, redaction and language model."""
        writer, limits = self._writer, self._limits
        asked = (limits.context, limits.proposals, limits.samples, limits.temperature)
        said = [self._prompts.fingerprint("propose"), PARSER, asked, writer.fields, writer.redaction]
        text = json.dumps([*said, self._model.fingerprint], ensure_ascii=False)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    @property
    def manner(self) -> dict[str, str]:
        """Endpoint and model; templates of selection and judgement; the limits, fields and redaction of both."""
        return {"model": self._model.fingerprint, **self._writer.describe_tagging(self._single)}

    def look_up(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
        """Return the candidates that it would show, and a digest of definitions, rules and samples beside them."""
        return self._chooser.look_up(pairs, contents)

    @property
    def failures(self) -> pl.DataFrame:
        """Contents whose question has no answer: content_id, task, outcome, reason, requests."""
        return self._ledger.failures

    @property
    def rungs(self) -> pl.DataFrame:
        """What gave each judged pair its number: content_id, tag_id, rung, mass; a null rung: nothing could."""
        return self._ledger.rungs

    @property
    def cuts(self) -> pl.DataFrame:
        """What of a content was left out of a prompt: content_id, task, field, kept, total."""
        return self._ledger.cuts

    @property
    def counts(self) -> dict[str, int]:
        """How many answers were read in which way, and what was left out of them."""
        return self._ledger.counts

    def vary(self, *, samples: bool, passages: bool, model: str | None) -> "LLMTagModel":
        """Return it without samples or definitions in its questions, or with a tuned model; the books are shared.

        Raises:
            ConfigError: there is no other model to open.
        """
        if model is not None and self._find_model is None:
            raise ConfigError(f"There is no endpoint on which to open the language model {model!r}.")
        told = self._knowledge
        if not passages:
            told = replace(told, tagset=told.tagset.with_columns(description=pl.lit(None, pl.String)))
        return LLMTagModel(
            self._find_model(model) if self._find_model and model else self._model,
            told,
            self._prompts,
            self._engine,
            self._progress,
            limits=self._limits if samples else replace(self._limits, shown=0),
            fields=self._writer.fields,
            redact=self._writer.redact,
            calibrate=self._calibrate,
            single=self._single,
            find_model=self._find_model,
            ledger=self._ledger,
        )

    def propose(self, contents: pl.DataFrame) -> pl.DataFrame:
        """Propose tags: ``votes`` counts the answers that said one, ``score`` is their share of the answers asked for.

        Best first, ties by normal form; at most ``proposals`` a content (TagGPT §2.1.2). A tag that only the
        instructions say is left out. A content without an answer has no row and stands in ``failures``.
        """
        spoken = contents.filter(has_text())
        parts = self._map(self._propose_batch, spoken, "contents proposed for")
        return pl.concat([CANDIDATE_TAGS.tables["candidate_tags"].empty(), *parts])

    def select(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
        """Keep the pairs that the model chooses, with the share of its answers that chose them as ``choice``.

        The model is shown the first ``candidates`` of each content by the prior model's score, with samples,
        definitions and rules (LLM4Tag eq. 9); what people alone may give is not shown. A content without an answer
        keeps no pair and stands in ``failures``.
        """
        asked = _match(pairs, contents)
        parts = self._map(partial(self._chooser.choose, pairs), asked, "contents selected for")
        return pl.concat([pairs.clear().with_columns(choice=pl.lit(None, pl.Float64)), *parts])

    def rerank(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
        """Keep the pairs that the model orders; ``choice`` falls from 1 for the first place by equal steps."""
        bare = pairs.drop("choice", strict=False)
        parts = self._map(partial(self._chooser.order, bare), _match(bare, contents), "contents put into order")
        return pl.concat([bare.clear().with_columns(choice=pl.lit(None, pl.Float64)), *parts])

    def judge(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> NDArray[np.float64]:
        """Return for each pair how likely the model says the tag is the content's subject; NaN: nothing could tell.

        Which rung of the ladder gave a number stands in ``rungs`` (LLM4Tag eq. 10 and its fallbacks). A content with
        a pair without a number stands in ``failures``.

        Raises:
            ValueError: a pair's content is not among the contents.
        """
        placed = pairs.select("content_id", "tag_id").with_row_index("row")
        asked = _match(pairs, contents)
        judged = np.full(len(pairs), np.nan)
        for rows, verdicts in self._map(partial(self._judge_batch, placed), asked, "contents judged for"):
            for row, verdict in zip(rows, verdicts, strict=True):
                if verdict.probability is not None:
                    judged[row] = verdict.probability
        return judged

    def calibrate(self, judged: NDArray[np.float64], rungs: Sequence[str | None]) -> NDArray[np.float64]:
        """Return the probabilities for numbers judged, as far as their rungs are calibrated."""
        return judged if self._calibrate is None else self._calibrate(judged, rungs)

    def confirm(self, pairs: pl.DataFrame, most: int | None = None) -> pl.DataFrame:
        """Return for each pair of tags how likely they mean one thing: ``CONFIRMED`` columns, in the order given.

        Args:
            pairs: left and right, and left_definition and right_definition if they are known.
            most: pairs asked about; those after them are ``over_budget``.
        """
        budget = self._limits.confirmations if most is None else most
        parts = [confirm_pairs(self._model, self._writer, part) for part in pairs[:budget].iter_slices(BATCH)]
        unasked = pairs[budget:].select(
            "left", "right", outcome=pl.lit("over_budget"), reason=pl.lit(f"more than {budget} pairs"), requests=0
        )
        rest = unasked.with_columns(choice=None, rung=None).select(list(CONFIRMED)).cast(CONFIRMED)
        return pl.concat([pl.DataFrame(schema=CONFIRMED), *parts, rest])

    def describe(self, tags: pl.DataFrame, examples: pl.DataFrame) -> pl.DataFrame:
        """Return a one-sentence definition of each tag (``DESCRIBED`` columns); null where there is no answer.

        Args:
            tags: tag_id, tag and aliases (``fused_tagset``).
            examples: tag_id and clues of contents that carry it, the best first.
        """
        parts = [describe_tags(self._model, self._writer, part, examples) for part in tags.iter_slices(BATCH)]
        return pl.concat([pl.DataFrame(schema=DESCRIBED), *parts])

    def _map(self, function: Callable[[pl.DataFrame], R], contents: pl.DataFrame, what: str) -> list[R]:
        batches = self._progress.follow(contents.iter_slices(BATCH), what, len(contents), len)
        return list(self._engine.map(function, batches))

    def _propose_batch(self, contents: pl.DataFrame) -> pl.DataFrame:
        questions: list[Question[list[Reading]]] = []
        asked = []
        for content_id, content_hash, clues in contents.select("content_id", "content_hash", "clues").iter_rows():
            seen = self._writer.see(clues)
            if seen:
                asked.append(content_id)
                build = partial(self._write_proposal, content_id, self._prompts.pick_example(content_hash), seen)
                questions.append(Question(build, self._read_proposals))
            else:
                self._ledger.settle(content_id, "propose", [("rejected", NOTHING_SHOWN, 0)])
        replies = ask(self._model, questions)
        said: dict[str, list[Reading]] = {}
        for content_id, reply in zip(asked, replies, strict=True):
            self._settle(content_id, "propose", reply)
            if reply.value is not None:
                said[content_id] = reply.value
        votes = count_votes(said, self._limits.samples, self._limits.proposals)
        leaked = find_leaks(votes, contents, self._prompts)
        self._ledger.count({"leaked": int(leaked.sum())} if leaked.any() else {})
        return CANDIDATE_TAGS.tables["candidate_tags"].shape(votes.filter(~leaked))

    def _write_proposal(
        self, content_id: str, examples: list[dict[str, str]], clues: list[tuple[str, str]], effort: Effort
    ) -> Call | None:
        most, limits = self._limits.proposals, self._limits
        return self._writer.write(
            "propose",
            content_id,
            [clues],
            {"most": most, "examples": examples},
            effort,
            max_tokens=most * PROPOSED_TOKENS + FORM_TOKENS,
            keep_cuts=partial(self._ledger.cut, content_id, "propose"),
            schema=make_schema("propose", most),
            samples=limits.samples,
            temperature=limits.temperature,
        )

    def _read_proposals(self, answer: Answer) -> tuple[list[Reading] | None, str]:
        readings = [read_tags(sample.text, self._limits.proposals) for sample in answer.samples]
        usable = [reading for reading in readings if reading.usable]
        for reading in readings:
            self._ledger.count({f"read_{reading.mode}" if reading.usable else "unusable": 1, **reading.slips})
        return (usable, "") if usable else (None, readings[0].mode if readings else "blank")

    def _judge_batch(self, placed: pl.DataFrame, contents: pl.DataFrame) -> tuple[list[int], list[Verdict]]:
        clues = {
            content_id: self._writer.see(said) for content_id, said in contents.select("content_id", "clues").rows()
        }
        pairs = contents.select("content_id").join(placed, on="content_id", maintain_order="left_right")
        shown = [row for row in pairs.select("row", "content_id", "tag_id").rows() if clues[row[1]]]
        questions = [partial(self._write_verdict, content_id, clues[content_id], tag) for _, content_id, tag in shown]
        verdicts = judge_all(self._model, self._limits, questions)
        ended: dict[str, list[tuple[str, str, int]]] = {
            content_id: [] if seen else [("rejected", NOTHING_SHOWN, 0)] for content_id, seen in clues.items()
        }
        modes: Counter[str] = Counter()
        for (_, content_id, tag_id), verdict in zip(shown, verdicts, strict=True):
            self._ledger.rate(content_id, tag_id, verdict.rung, verdict.mass)
            modes[f"judged_{verdict.rung}" if verdict.rung else "unjudged"] += 1
            if verdict.probability is None:
                ended[content_id].append((verdict.outcome, verdict.reason, verdict.requests))
        self._ledger.count(modes)
        for content_id, failures in ended.items():
            self._ledger.settle(content_id, "judge", failures)
        return [row for row, _, _ in shown], verdicts

    def _write_verdict(
        self,
        content_id: str,
        clues: list[tuple[str, str]],
        tag_id: str,
        form: str,
        fields: dict[str, Any],
        effort: Effort,
    ) -> Call | None:
        definition = self._definitions.get(tag_id, "")
        slots = {
            "tag": encode_text(self._names[tag_id]),
            "definition": encode_text(self._writer.clip(definition)) if definition else "",
            "form": form,
        }
        keep = partial(self._ledger.cut, content_id, "judge")
        return self._writer.write("judge", content_id, [clues], slots, effort, keep_cuts=keep, **fields)

    def _settle(self, content_id: str, task: str, reply: Reply[Any]) -> None:
        failed = reply.value is None
        self._ledger.settle(content_id, task, [(reply.outcome, reply.reason, reply.requests)] if failed else [])


def _match(pairs: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
    """Return the contents of the pairs, in their order; a pair that nobody can ask about is the caller's mistake."""
    strangers = pairs.join(contents, on="content_id", how="anti")
    if len(strangers):
        raise ValueError(f"{len(strangers)} pairs have a content that is not among the contents given")
    return contents.join(pairs, on="content_id", how="semi", maintain_order="left")
