"""What a reply with status 200 really says: the answers, how they ended, log-probabilities and tokens used.

Nothing is taken for granted: servers send 200 with pages, errors, no choices, fewer choices and no log-probabilities.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tagflow.adapters.endpoint_errors import Fault, Place, read_error_in_reply
from tagflow.adapters.endpoint_requests import estimate_prompt
from tagflow.calls import Call, Sample
from tagflow.prompts.packing import estimate_tokens


@dataclass(frozen=True)
class Reply:
    """A completion.

    Attributes:
        outcome: answered, truncated, refused or filtered; what is worst among the samples.
        reason: why, if not answered.
        samples: the answers in words, at most as many as were asked for.
        model: the model that the endpoint says it used.
        prompt_tokens: as it says, or estimated.
        completion_tokens: likewise.
        counted: whether the endpoint said how many tokens were used.
    """

    outcome: str
    reason: str
    samples: tuple[Sample, ...]
    model: str
    prompt_tokens: int
    completion_tokens: int
    counted: bool


def read_reply(place: Place, call: Call, body: bytes) -> Reply | Fault:
    """Return the completion in a reply, or why it is none."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        kind = "a web page" if body.lstrip()[:1] == b"<" else "an empty reply" if not body.strip() else "no JSON"
        return Fault("unusable", f"the endpoint sent {kind} with HTTP 200", paid=True)
    if not isinstance(payload, dict):
        return Fault("unusable", "the endpoint sent no completion with HTTP 200", paid=True)
    choices = payload.get("choices")
    if not isinstance(choices, list) or not choices:
        if payload.get("error"):
            return read_error_in_reply(place, payload)
        return Fault("unusable", "the endpoint sent a completion without choices", paid=True)
    read = [_read_choice(call, choice) for choice in choices[: call.samples]]
    worst = min(read, key=lambda found: _WORST.index(found[0]))
    if worst[0] == "unusable":
        return Fault("unusable", worst[1], paid=True)
    samples = tuple(sample for _, _, sample in read if sample is not None)
    model = payload.get("model")
    prompt, completion, counted = _read_usage(call, payload.get("usage"), samples)
    return Reply(
        worst[0],
        worst[1],
        samples if worst[0] in ("answered", "truncated") else (),
        _clean(model)[:200] if isinstance(model, str) else "",
        prompt,
        completion,
        counted,
    )


_WORST = ("refused", "filtered", "unusable", "truncated", "answered")


def _read_choice(call: Call, choice: object) -> tuple[str, str, Sample | None]:
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        return "unusable", "the endpoint sent a choice without a message", None
    finish = choice.get("finish_reason")
    if finish == "content_filter":
        return "filtered", "the endpoint's content filter cut the answer", None
    if message.get("refusal"):
        return "refused", "the model declined", None
    text = _read_content(message.get("content"))
    first = _read_first(choice.get("logprobs")) if call.yes_no else None
    if finish == "length" and not call.yes_no:  # of a yes or no, one token is all that is wanted
        return "truncated", "the answer broke off at its token limit", Sample(text or "", first)
    if text is None or not (text.strip() or first):
        return "unusable", "the endpoint sent an answer without text", None
    return "answered", "", Sample(text, first)


def _read_content(content: object) -> str | None:
    if isinstance(content, list):  # parts of a text
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "".join(part for part in parts if isinstance(part, str))
    return _clean(content) if isinstance(content, str) else None


def _clean(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # half a pair cannot be stored


def _read_first(logprobs: object) -> tuple[tuple[str, float], ...] | None:
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    token = content[0] if isinstance(content, list) and content else None
    top = token.get("top_logprobs") if isinstance(token, dict) else None
    if not isinstance(top, list):
        return None
    pairs = [(entry.get("token"), _read_number(entry.get("logprob"))) for entry in top if isinstance(entry, dict)]
    first = tuple((_clean(token), value) for token, value in pairs if isinstance(token, str) and value is not None)
    return first if first and all(value <= 1e-3 for _, value in first) else None  # above 0: no log of a probability


def _read_number(value: object) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else None  # type: ignore[arg-type]


def _read_usage(call: Call, usage: object, samples: Sequence[Sample]) -> tuple[int, int, bool]:
    said = usage if isinstance(usage, Mapping) else {}
    prompt, completion = _read_count(said.get("prompt_tokens")), _read_count(said.get("completion_tokens"))
    if prompt and completion is not None:
        return prompt, completion, True
    words = sum(max(1, estimate_tokens(sample.text)) for sample in samples)
    return estimate_prompt(call), words, False


def _read_count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else None
