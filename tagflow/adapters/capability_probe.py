"""Finds out what an endpoint does by asking it, not by what it says; a handful of short requests, once."""

import asyncio
import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from tagflow.adapters.endpoint_exchange import Exchange
from tagflow.adapters.endpoint_replies import Reply
from tagflow.adapters.endpoint_requests import Quirks
from tagflow.calls import WAITING, Answer, Call, Capabilities, Sample, make_key

VERSION = "1"  # raise it when the probe asks something else

NOTHING = Capabilities(logprobs=False, schema="prompt", many=False, seed=False, usage=False)

SCHEMA = {
    "type": "object",
    "properties": {"colour": {"enum": ["teal", "mauve"]}, "shape": {"enum": ["cone", "cube"]}},
    "required": ["colour", "shape"],
    "additionalProperties": False,
}
"""Finite, so that even a model that writes at random ends; the question never mentions it."""

_PLAIN = Call("probe", "", (("user", "Is water wet? Answer Yes or No."),), 16)
_YES_NO = replace(_PLAIN, yes_no=True)
_SCHEMA = Call("probe", "", (("user", "Name an object."),), 64, schema=json.dumps(SCHEMA))
_MANY = Call("probe", "", (("user", "Name an animal."),), 8, samples=2, temperature=1.0)

_SEED = 7  # ours: any

Dialect = Literal["json_schema", "json_object", "prompt"]
_DIALECTS: tuple[Dialect, ...] = ("json_schema", "json_object")


@dataclass(frozen=True)
class Probed:
    """What was found out.

    Attributes:
        capabilities: what the endpoint does; None if it could not be asked.
        sure: whether it may be kept: no question was left open by faults that pass.
        failure: the answer that ended the probe, if it could not be asked.
    """

    capabilities: Capabilities | None
    sure: bool = True
    failure: Answer | None = None


async def probe(exchange: Exchange) -> Probed:
    """Ask one plain question, and when it is answered, all others at once."""
    plain, reply = await exchange.ask(_PLAIN, NOTHING)
    if plain.outcome not in ("answered", "truncated", "refused", "filtered"):
        return Probed(None, failure=plain)
    (logprobs, first), (schema, second), (many, seed, third) = await asyncio.gather(
        _find_logprobs(exchange), _find_schema(exchange), _find_samples(exchange)
    )
    answers = (*first, *second, *third)
    unasked = [answer for answer in answers if answer.outcome in WAITING]
    if unasked:
        return Probed(None, failure=unasked[0])
    usage = reply is not None and reply.counted
    return Probed(Capabilities(logprobs, schema, many, seed, usage), sure=all(map(_is_sure, answers)))


async def _find_logprobs(exchange: Exchange) -> tuple[bool, list[Answer]]:
    answer, reply = await exchange.ask(_YES_NO, replace(NOTHING, logprobs=True))
    return bool(reply and reply.samples and reply.samples[0].first), [answer]


async def _find_schema(exchange: Exchange) -> tuple[Dialect, list[Answer]]:
    answers = []
    for dialect in _DIALECTS:
        answer, reply = await exchange.ask(_SCHEMA, replace(NOTHING, schema=dialect))
        answers.append(answer)
        if reply and reply.samples and _follows(reply.samples[0]):
            return dialect, answers
    return "prompt", answers


def _follows(sample: Sample) -> bool:
    try:
        said = json.loads(sample.text)
    except (ValueError, RecursionError):
        return False
    return (
        isinstance(said, dict)
        and set(said) == {"colour", "shape"}
        and said["colour"] in ("teal", "mauve")
        and said["shape"] in ("cone", "cube")
    )


async def _find_samples(exchange: Exchange) -> tuple[bool, bool, list[Answer]]:
    can = replace(NOTHING, many=True)
    once, first = await exchange.ask(_MANY, can, _SEED)
    call = _MANY if first else replace(_MANY, samples=1)  # n, the seed or both were refused
    if first is None:
        once, first = await exchange.ask(call, can, _SEED)
    again, second = await exchange.ask(call, can, _SEED)
    many = first is not None and len(first.samples) == _MANY.samples
    return many, _agree(first, second), [once, again]


def _agree(first: Reply | None, second: Reply | None) -> bool:
    if not first or not second or not first.samples:
        return False
    return [sample.text for sample in first.samples] == [sample.text for sample in second.samples]


def _is_sure(answer: Answer) -> bool:
    return answer.outcome != "exhausted" or "HTTP 500" in answer.reason  # a server that breaks on what it does not know


def make_probe_key(endpoint: str, model: str) -> str:
    """Return the journal's key of what was found out."""
    return make_key(endpoint, model, _record_call())


def _record_call() -> Call:
    return Call("probe", "", (), 0, version=f"capabilities {VERSION}")


def write_record(found: Capabilities, quirks: Quirks) -> tuple[Call, Answer]:
    """Return what was found out as a call and its answer, as a journal keeps them."""
    return _record_call(), Answer("answered", samples=(Sample(json.dumps({**asdict(found), **asdict(quirks)})),))


def read_record(answer: Answer) -> tuple[Capabilities, Quirks] | None:
    """Return what was found out before, or None: it cannot be read and is asked again."""
    try:
        said: dict[str, Any] = json.loads(answer.samples[0].text)
        quirks = Quirks(said.pop("tokens_name"), said.pop("temperature"))
        return Capabilities(**said), quirks
    except (ValueError, IndexError, KeyError, TypeError, AttributeError):
        return None
