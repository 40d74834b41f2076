"""The ladder of confidence: log-probabilities, then agreement, then a number in words (LLM4Tag §3.4, eq. 10).

A pair climbs down only where a rung cannot tell; what none of them can tell stays without a number.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tagflow.calls import Answer, Call
from tagflow.ports import LanguageModel
from tagflow.prompts.verdicts import RUNGS, Odds, read_agreement, read_log_probabilities, read_percent
from tagflow.tagmodels.asking import Effort, Question, drop_unread, put
from tagflow.tagmodels.writing import Limits

WORD_TOKENS = 16  # ours: cap of an answer of one word or number

MENDED = {
    "logprobs": ("unusable", "rejected"),  # an endpoint may refuse the parameter and not the content
    "agreement": ("unusable", "truncated"),
    "verbal": (),
}
"""Outcomes after which the next rung is tried."""

WriteVerdict = Callable[[str, dict[str, Any], Effort], Call | None]
"""Writes the question in a form (yes_no or percent) with these fields of the call."""


@dataclass(frozen=True)
class Verdict:
    """How sure the model is, and which rung said so; without a probability, how the question ended."""

    probability: float | None = None
    rung: str | None = None
    mass: float | None = None
    outcome: str = "answered"
    reason: str = ""
    requests: int = 0


def judge_all(model: LanguageModel, limits: Limits, questions: Sequence[WriteVerdict]) -> list[Verdict]:
    """Return the verdicts, in order; all of a rung go out together.

    Raises:
        ModelError: the endpoint refuses everything.
    """
    if not questions:
        return []
    verdicts = [Verdict()] * len(questions)
    read: list[tuple[Call, ...]] = [()] * len(questions)
    waiting = list(range(len(questions)))
    for rung in RUNGS if model.capabilities.logprobs else RUNGS[1:]:
        asked = [_pose(rung, limits, questions[place]) for place in waiting]
        replies = put(model, asked, patient=rung == "verbal")
        below = []
        for place, reply in zip(waiting, replies, strict=True):
            requests = verdicts[place].requests + reply.requests
            read[place] += reply.read
            if reply.value is not None:
                mass = reply.value.mass if rung == "logprobs" else None
                verdicts[place] = Verdict(reply.value.probability, rung, mass, requests=requests)
            else:
                verdicts[place] = Verdict(outcome=reply.outcome, reason=reply.reason, requests=requests)
                if reply.outcome in MENDED[rung]:
                    below.append(place)
        waiting = below
        if not waiting:
            break
    drop_unread(model, [(verdict.outcome, calls) for verdict, calls in zip(verdicts, read, strict=True)])
    return verdicts


def _pose(rung: str, limits: Limits, write: WriteVerdict) -> Question[Odds]:
    if rung == "logprobs":
        fields: dict[str, Any] = {"max_tokens": 1, "yes_no": True}
        return Question(partial(write, "yes_no", fields), _read_first)
    if rung == "agreement":
        fields = {
            "max_tokens": WORD_TOKENS,
            "samples": limits.agreement,
            "temperature": limits.agreement_temperature,
        }
        return Question(partial(write, "yes_no", fields), partial(_read_words, limits.agreement))
    return Question(partial(write, "percent", {"max_tokens": WORD_TOKENS}), _read_number)


def _read_first(answer: Answer) -> tuple[Odds | None, str]:
    odds = read_log_probabilities(answer.samples[0].first if answer.samples else None)
    return (odds, "") if odds.probability is not None else (None, "no_logprobs")


def _read_words(asked: int, answer: Answer) -> tuple[Odds | None, str]:
    share = read_agreement(answer.samples, asked)
    return (Odds(share, 0.0), "") if share is not None else (None, "unclear")


def _read_number(answer: Answer) -> tuple[Odds | None, str]:
    share = read_percent(answer.samples[0].text) if answer.samples else None
    return (Odds(share, 0.0), "") if share is not None else (None, "no_number")
