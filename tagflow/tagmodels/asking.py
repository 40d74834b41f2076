"""How a question is put: once, and once more for each thing that a second try can mend. Source: ours.

An answer that cannot be read is asked for again with what was wrong; a prompt that is too long is shortened; an answer
that broke off gets more room. Each of the three happens at most once, and what is still no answer stays without one.
What could not be read is not kept either: the same words would fail the content for ever. Where an earlier run has kept
the answer to a second try, the first one, which failed then, is not paid again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from tagflow.calls import Answer, Call
from tagflow.ports import LanguageModel

R = TypeVar("R")

SHORTER = 0.5  # ours: what is left of a content's room when the endpoint finds the prompt too long
LARGER = 4  # ours: what a cap on the answer is multiplied by when the answer broke off

LOOKED_AT = 16  # ours: questions that tell whether any of a batch was ever asked

NO_ROOM = "instructions and candidates leave no room for the content"
NOTHING_SHOWN = "none of the fields that may be shown has text"

WORDS = {
    "no_json": "it was not the JSON object asked for",
    "several": "it held several different answers",
    "blank": "it was empty",
    "oversized": "it was far too long",
    "unclosed_thought": "it never came to the answer",
    "wrong_shape": "its JSON did not have the form asked for",
    "wrong_type": "its entries were of another type than asked for",
    "out_of_range": "its numbers are not in the list",
    "unknown_name": "its names are not in the list",
    "disagreeing": "its numbers and names do not agree",
    "malformed": "its entries could not be used",
    "runaway": "it did not come to an end",
    "leaked": "it repeated the instructions",
    "unclear": "it was neither yes nor no",
    "no_number": "it was not one number from 0 to 100",
    "out_of_scale": "its number was not on the scale",
    "no_logprobs": "the probabilities of Yes and No did not both come",
}
"""Why an answer is unusable, in words that hold nothing of a content."""


@dataclass(frozen=True)
class Effort:
    """What a call does about the one before it: share of the content's room, growth of the cap, complaint."""

    share: float = 1.0
    growth: int = 1
    complaint: str = ""


FIRST = Effort()

Build = Callable[[Effort], Call | None]
"""Writes the call; None if it cannot fit."""


@dataclass(frozen=True)
class Question(Generic[R]):
    """A question: how it is written, and how an answer is read, as the value or None and why not."""

    build: Build
    read: Callable[[Answer], tuple[R | None, str]]


@dataclass(frozen=True)
class Reply(Generic[R]):
    """How a question ended: the outcome ``answered`` has a value, every other one a reason.

    ``read`` are the calls whose answers were read, with or without success.
    """

    outcome: str
    value: R | None = None
    reason: str = ""
    requests: int = 0
    read: tuple[Call, ...] = ()


def ask(model: LanguageModel, questions: Sequence[Question[R]]) -> list[Reply[R]]:
    """Return what came of the questions, in order; answers that could not be read are asked for again another time.

    Raises:
        ModelError: the endpoint refuses everything.
    """
    replies = put(model, questions)
    drop_unread(model, [(reply.outcome, reply.read) for reply in replies])
    return replies


def drop_unread(model: LanguageModel, ends: Iterable[tuple[str, tuple[Call, ...]]]) -> None:
    """Have the model drop the answers of the calls whose question ended ``unusable``."""
    useless = [call for outcome, read in ends if outcome == "unusable" for call in read]
    if useless:
        model.discard(useless)


def put(model: LanguageModel, questions: Sequence[Question[R]], *, patient: bool = True) -> list[Reply[R]]:
    """Return what came of the questions, in order.

    Args:
        model: the language model.
        questions: they go out together.
        patient: whether an answer that cannot be read is asked for again.

    Raises:
        ModelError: the endpoint refuses everything.
    """
    replies: list[Reply[R]] = [Reply("stopped")] * len(questions)
    spent = [0] * len(questions)
    read: list[list[Call]] = [[] for _ in questions]
    waiting = {place: FIRST for place in range(len(questions))}
    while waiting:
        built = {place: questions[place].build(effort) for place, effort in waiting.items()}
        for place, mended in _find_mended(model, questions, waiting, built).items():
            waiting[place], built[place] = mended, questions[place].build(mended)
        calls = {place: call for place, call in built.items() if call is not None}
        for place in built.keys() - calls.keys():
            known = replies[place]  # what a larger cap left no room for stays what it was
            replies[place] = known if known.outcome == "truncated" else Reply("too_long", reason=NO_ROOM)
        answers = dict(zip(calls, model.answer([*calls.values()]), strict=True)) if calls else {}
        asked, waiting = waiting, {}
        for place, answer in answers.items():
            spent[place] += answer.requests
            read[place] += [calls[place]] if answer.outcome == "answered" else []
            replies[place] = _judge(questions[place], calls[place], answer)
            effort = _find_remedy(replies[place], asked[place], patient=patient)
            if effort is not None:
                waiting[place] = effort
    ends = zip(replies, spent, read, strict=True)
    return [replace(reply, requests=requests, read=tuple(calls)) for reply, requests, calls in ends]


def _find_mended(
    model: LanguageModel, questions: Sequence[Question[R]], waiting: dict[int, Effort], built: dict[int, Call | None]
) -> dict[int, Effort]:
    """Return the efforts whose answers are kept, of questions whose next call is not.

    A run that asks everything for the first time has none: it looks at a few questions only, as writing costs time.
    """
    calls = [(place, call) for place, call in built.items() if call is not None]
    kept = model.is_kept([call for _, call in calls])
    unkept = [place for (place, _), there in zip(calls, kept, strict=True) if not there]
    looked = unkept[:LOOKED_AT]
    found = _look_up(model, questions, waiting, looked)
    if found or any(kept):
        found |= _look_up(model, questions, waiting, unkept[LOOKED_AT:])
        looked = unkept
    for place in looked:
        if place not in found:
            questions[place].build(waiting[place])  # what was cut is noted by the writing: of what is asked, the last
    return found


def _look_up(
    model: LanguageModel, questions: Sequence[Question[R]], waiting: dict[int, Effort], places: Sequence[int]
) -> dict[int, Effort]:
    tries = [
        (place, effort, call)
        for place in places
        for effort in _list_remedies(waiting[place])
        if (call := questions[place].build(effort)) is not None
    ]
    kept = model.is_kept([call for _, _, call in tries]) if tries else []
    return {place: effort for (place, effort, _), there in zip(tries, kept, strict=True) if there}


def _list_remedies(tried: Effort) -> list[Effort]:
    """Return what a prompt too long, an answer broken off, or both lead to."""
    shares = {tried.share, SHORTER}
    growths = {tried.growth, LARGER}
    return [
        replace(tried, share=share, growth=growth)
        for share in sorted(shares)
        for growth in sorted(growths)
        if (share, growth) != (tried.share, tried.growth)
    ]


def _judge(question: Question[R], call: Call, answer: Answer) -> Reply[R]:
    """One token always ends at its limit; any other answer that broke off says nothing."""
    whole = answer.outcome == "answered" or (call.yes_no and answer.outcome == "truncated" and answer.samples)
    if not whole:
        return Reply(answer.outcome, reason=answer.reason)
    value, fault = question.read(answer)
    return Reply("answered", value) if value is not None else Reply("unusable", reason=WORDS[fault])


def _find_remedy(reply: Reply[R], tried: Effort, *, patient: bool) -> Effort | None:
    if reply.outcome == "unusable" and patient and not tried.complaint:
        return replace(tried, complaint=reply.reason or WORDS["blank"])
    if reply.outcome == "too_long" and tried.share == FIRST.share:
        return replace(tried, share=SHORTER)
    if reply.outcome == "truncated" and tried.growth == FIRST.growth:
        return replace(tried, growth=LARGER)
    return None
