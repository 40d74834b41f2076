"""What is put to a language model and what came of it: the messages between a tag model and an endpoint.

Plain values, so that prompts and parsing stay pure and an endpoint knows nothing of tags.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal

OUTCOMES = (
    "answered",
    "truncated",  # the answer broke off at its token limit
    "refused",  # the model declined
    "filtered",  # the endpoint's content filter
    "too_long",  # the prompt does not fit the model's context
    "unusable",  # a reply that is no completion, or an answer that does not say what was asked
    "rejected",  # the endpoint will never take this request
    "exhausted",  # passing faults until the retries ended
    "over_budget",  # not sent: the budget would not cover it
    "stopped",  # not sent, or given up: the endpoint refuses everything, or the run ends
)
"""Where a call can end."""

WAITING = ("over_budget", "stopped")
"""Outcomes after which the record is pending; every other one but ``answered`` is a dead letter."""


@dataclass(frozen=True)
class Call:
    """One question to a language model.

    Attributes:
        task: propose, select, judge, confirm, rerank, describe or probe.
        record: the content or pair it is about, for accounts; no part of the journal's key.
        messages: (role, text) in order.
        max_tokens: most tokens of an answer, for each sample.
        schema: JSON schema the answer must follow, as JSON text; None for free text.
        yes_no: whether one token with log-probabilities is wanted (never with a schema: a grammar hides the
            probabilities of the tokens it forbids).
        samples: number of answers drawn.
        temperature: 0 for the likeliest answer.
        version: fingerprint of the template and of the way the answer is read.
        fields: fields of the content that the messages carry.
    """

    task: str
    record: str
    messages: tuple[tuple[str, str], ...]
    max_tokens: int
    schema: str | None = None
    yes_no: bool = False
    samples: int = 1
    temperature: float = 0.0
    version: str = ""
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sample:
    """One answer in words; ``first`` holds the likeliest first tokens with natural log-probabilities, if known."""

    text: str
    first: tuple[tuple[str, float], ...] | None = None


@dataclass(frozen=True)
class Answer:
    """What came of a call.

    Attributes:
        outcome: one of ``OUTCOMES``.
        reason: why, for people; empty if answered. Holds no key and no text of a content.
        samples: the answers; empty unless the outcome is answered or truncated.
        model: the model that the endpoint says it used.
        prompt_tokens: as billed, estimated where the endpoint does not say.
        completion_tokens: as billed, likewise.
        money: what it cost, in the deployment's currency.
        requests: requests sent for it, failed ones included.
        stored: whether the journal gave it, so that nothing was paid.
    """

    outcome: str
    reason: str = ""
    samples: tuple[Sample, ...] = ()
    model: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    money: float = 0.0
    requests: int = 0
    stored: bool = False


@dataclass(frozen=True)
class Capabilities:
    """What an endpoint was seen to do, not what it says; probed once for each endpoint and model.

    Attributes:
        logprobs: log-probabilities of the first token really come.
        schema: the strictest way in which it kept to a JSON schema.
        many: n > 1 gives n answers.
        seed: the same seed gave the same answer.
        usage: it says how many tokens were used.
    """

    logprobs: bool
    schema: Literal["json_schema", "json_object", "prompt"]
    many: bool
    seed: bool
    usage: bool


def identify_model(endpoint: str, model: str) -> str:
    """Return the identity of a model at an endpoint; a plan must name it as the endpoint itself does."""
    return f"{endpoint} {model}"


def make_key(endpoint: str, model: str, call: Call) -> str:
    """Return the journal's key of a call: a hash of endpoint, model, parameters and rendered prompt.

    The record and the field names are left out: the same question about another record has the same answer.
    """
    said = {name: value for name, value in asdict(call).items() if name not in ("record", "fields")}
    text = json.dumps([endpoint, model, said], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
