"""How a call is written: what of a content may be shown, what fits, and the numbers of the request."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tagflow.calls import Call
from tagflow.confidence.staleness import digest
from tagflow.prompts.framing import encode_fields, frame_text
from tagflow.prompts.packing import Cut, estimate_messages, estimate_tokens, fit_clues
from tagflow.prompts.rendering import Prompts
from tagflow.settings import CLUE_FIELDS
from tagflow.tagmodels.asking import FIRST, Effort

LEAST_ROOM = 32  # ours: estimated tokens of content below which a question is not worth asking
FIELD_TOKENS = 6  # ours: a field's name and the marks around its text
TRIES = 4  # ours: escapes make a text longer than it was estimated, so that it is fitted again

Clues = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Limits:
    """The numbers of the questions."""

    context: int = 4096  # ours: what common local servers give a request unless they are told otherwise
    proposals: int = 16  # ours: as many as the embedded tag model proposes
    samples: int = 5  # released code: answers drawn when proposing
    temperature: float = 1.5  # released code: when proposing
    candidates: int = 20  # LLM4Tag §4.3
    choices: int = 1  # ours: answers drawn when selecting; LLM4Tag §3.3 names none, TagGPT's released code draws 5
    shown: int = 3  # LLM4Tag §3.3.2 as recalled: ours; samples shown with a content
    definitions: int = 3  # LLM4Tag §3.3.2 as recalled: ours
    sample_tokens: int = 120  # ours: of each sample
    definition_characters: int = 200  # ours
    agreement: int = 5  # ours: as many answers as TagGPT's released code draws
    agreement_temperature: float = 1.0  # ours: the model's own distribution
    confirmations: int = 200  # ours: pairs of tags asked about at most
    examples: int = 5  # ours: contents shown when a tag is described
    thinking: int = 0  # ours: added to every cap but that of one token; models that reason first need hundreds


@dataclass(frozen=True)
class Writer:
    """Writes calls within the limits.

    Attributes:
        prompts: the dataset's templates.
        limits: the numbers.
        fields: clue fields that may be shown; nothing else of a content leaves.
        redact: applied to every text of a content before it is shown.
    """

    prompts: Prompts
    limits: Limits
    fields: tuple[str, ...] = CLUE_FIELDS
    redact: Callable[[str], str] | None = None

    @property
    def redaction(self) -> str:
        """Identity of the redaction."""
        return str(getattr(self.redact, "fingerprint", None) or (self.redact is not None))

    def describe_tagging(self, *more: object) -> dict[str, str]:
        """Return digests of what every selection and judgement is written with, and ``more``: prompts and settings."""
        drawn = () if self.limits.choices > 1 else ("temperature",)
        seen = ("candidates", "shown")  # what comes of them is looked up for each content
        other = ("proposals", "samples", "confirmations", "examples", *drawn, *seen)
        limits = {name: number for name, number in vars(self.limits).items() if name not in other}
        templates = [self.prompts.fingerprint(task) for task in ("select", "rerank", "judge")]
        return {"prompts": digest(*templates), "settings": digest(limits, self.fields, self.redaction, *more)}

    def see(self, clues: Iterable[Mapping[str, str]]) -> list[tuple[str, str]]:
        """Return what may be shown of a content's clues, redacted, without blank texts."""
        allowed = [(clue["field"], clue["text"]) for clue in clues if clue["field"] in self.fields]
        told = [(field, self.redact(text) if self.redact else text) for field, text in allowed]
        return [(field, text) for field, text in told if text.strip()]

    def shorten(self, clues: Clues) -> str:
        """Return a sample's clues on one line, encoded, within ``sample_tokens``."""
        return self._encode(clues, self.limits.sample_tokens)[0]

    def clip(self, definition: str) -> str:
        """Return a definition on one line of at most ``definition_characters``."""
        line = " ".join(definition.split())
        most = self.limits.definition_characters
        return line if len(line) <= most else line[: most - 1].rstrip() + "…"

    def write(
        self,
        task: str,
        record: str,
        contents: Sequence[Clues],
        slots: Mapping[str, Any],
        effort: Effort = FIRST,
        *,
        max_tokens: int,
        keep_cuts: Callable[[tuple[Cut, ...]], None] = lambda cuts: None,
        **asked: Any,  # noqa: ANN401 - the fields of a Call
    ) -> Call | None:
        """Return the call, or None if instructions and candidates leave no room for the contents.

        Args:
            task: names the template.
            record: what it is about, for accounts.
            contents: what may be shown of each content; none for a question about tags alone.
            slots: of the template, but for ``content``.
            effort: what is done about the call before.
            max_tokens: cap of an answer.
            keep_cuts: told what was left out of the contents.
            asked: other fields of the call.
        """
        said = {**slots, "complaint": effort.complaint}
        thinking = 0 if asked.get("yes_no") else self.limits.thinking
        cap = (max_tokens + thinking) * effort.growth
        form = estimate_tokens(asked.get("schema") or "")  # some endpoints are told the schema in words
        if contents:
            frame = estimate_messages(self.prompts.render(task, content=frame_text(""), **said))
            room = self.limits.context - cap - form - frame
            shown = sum(estimate_tokens(encode_fields(clues)) for clues in contents)
            if effort.share < FIRST.share:
                room = int(min(room, shown) * effort.share)
            if room < min(LEAST_ROOM, int(shown * effort.share)):
                return None
            parts = [self._encode(clues, room // len(contents)) for clues in contents]
            keep_cuts(tuple(cut for _, cuts in parts for cut in cuts))
            said["content"] = frame_text("\n".join(encoded for encoded, _ in parts))
        messages = self.prompts.render(task, **said)
        if not contents and estimate_messages(messages) + cap > self.limits.context:
            return None
        seen = {field for clues in contents for field, _ in clues} | set(asked.pop("also_shown", ()))
        return Call(
            task=task,
            record=record,
            messages=messages,
            max_tokens=cap,
            version=self.prompts.fingerprint(task),
            fields=tuple(field for field in self.fields if field in seen),
            **asked,
        )

    def _encode(self, clues: Clues, tokens: int) -> tuple[str, tuple[Cut, ...]]:
        whole = encode_fields(clues)
        if estimate_tokens(whole) <= tokens:
            return whole, ()
        budget = max(tokens - FIELD_TOKENS * len(clues), 1)
        encoded, cuts = "{}", tuple(Cut(field, 0, len(text)) for field, text in clues)
        for _ in range(TRIES):
            packed = fit_clues(clues, budget)
            encoded, cuts = encode_fields(packed.clues), packed.cuts
            size = estimate_tokens(encoded)
            if size <= tokens:
                break
            budget = int(budget * 0.9 * tokens / size)
        return encoded, cuts
