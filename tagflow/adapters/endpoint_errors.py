"""What an endpoint means when it does not answer: which fault passes, which ends everything, and the sentence for it.

No sentence holds anything an endpoint wrote but a status and an identifier: error texts repeat keys and contents.
"""

import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal

QUOTA = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance"}
FILTERED = {"content_filter", "content_policy_violation", "moderation_blocked"}
TOO_LONG = {"context_length_exceeded", "exceed_context_size_error", "string_above_max_length"}
NO_MODEL = {"model_not_found", "model_not_available", "invalid_model"}
BAD_KEY = {"invalid_api_key", "api_key_invalid"}

_TOO_LONG_TEXT = re.compile(
    r"context (length|window|size)|prompt is too long|too many (input )?tokens|request too large|input is too long",
    re.IGNORECASE,
)
_NO_MODEL_TEXT = re.compile(
    r"\bmodel\b.{0,200}\b(not found|does not exist|not exist|unknown|not available)\b", re.IGNORECASE | re.DOTALL
)
_BROKEN_OFF_TEXT = re.compile(
    r"model produced output that does not match the expected", re.IGNORECASE
)  # llama-server's
_IDENTIFIER = re.compile(r"[a-z][a-z_]{1,47}")  # no digits: a key has some


@dataclass(frozen=True)
class Fault:
    """Why there is no answer.

    Attributes:
        kind: passing (a further attempt may help), throttled (all shall wait), fatal (nothing will ever be answered),
            too_long, filtered, truncated (the answer broke off), rejected (this request will never be taken), unusable
            (a reply that is no completion; a further attempt may help).
        reason: a few words for people; for a fatal fault the whole sentence.
        wait: seconds the endpoint asks for.
        parameter: name of the parameter it complains about.
        paid: whether the request may have been paid for.
    """

    kind: Literal["passing", "throttled", "fatal", "too_long", "filtered", "truncated", "rejected", "unusable"]
    reason: str
    wait: float | None = None
    parameter: str = ""
    paid: bool = False


@dataclass(frozen=True)
class Place:
    """Endpoint, with its port, and model as sentences name them, and the host as manifests do."""

    host: str
    model: str
    hostname: str = ""


def read_error(place: Place, status: int, headers: Mapping[str, str], body: bytes) -> Fault:
    """Return what an error status means."""
    error = _find_error(body)
    codes = {str(error.get(name)).lower() for name in ("code", "type", "status", "reason") if error.get(name)}
    text = str(error.get("message") or "")
    said = _describe(status, codes)
    sentence = _find_fatal(place, status, codes, text, said)
    if sentence:
        return Fault("fatal", sentence)
    if codes & TOO_LONG or status == 413 or (status in (400, 422, 429) and _TOO_LONG_TEXT.search(text)):
        return Fault("too_long", f"the prompt does not fit the model ({said})")
    if codes & FILTERED or (status == 403 and "moderation" in text.lower()):
        return Fault("filtered", f"the endpoint's content filter ({said})")
    if status == 500 and _BROKEN_OFF_TEXT.search(text):  # sent in the place of an answer with finish_reason length
        return Fault("truncated", f"the answer broke off before its form was complete ({said})")
    wait = read_wait(headers)
    if status == 429 or (status == 503 and wait is not None):
        return Fault("throttled", f"the endpoint asks for patience ({said})", wait)
    if status in (408, 409, 425) or status >= 500:
        return Fault("passing", f"the endpoint failed ({said})")
    return Fault(
        "rejected", f"the endpoint does not take this request ({said})", parameter=_find_parameter(error, text)
    )


def _find_fatal(place: Place, status: int, codes: set[str], text: str, said: str) -> str:
    if codes & QUOTA or status == 402:
        return (
            f"the quota of the key in TAGFLOW_LLM_API_KEY is used up at {place.host} ({said}): raise it, or change it"
        )
    if status == 401 or codes & BAD_KEY or "api key not valid" in text.lower():
        return f"{place.host} rejects the key ({said}): set TAGFLOW_LLM_API_KEY to a valid one"
    if codes & NO_MODEL or (status in (400, 404) and _NO_MODEL_TEXT.search(text)):
        return (
            f"{place.host} has no model {place.model!r} for this key ({said}): set TAGFLOW_LLM_MODEL to one it serves"
        )
    if status == 403 and not codes & FILTERED and "moderation" not in text.lower():
        return (
            f"{place.host} does not let this key use {place.model!r} ({said}): look at TAGFLOW_LLM_API_KEY and "
            "TAGFLOW_LLM_MODEL"
        )
    if status in (404, 405):
        return (
            f"{place.host} has no chat completions under TAGFLOW_LLM_BASE_URL, or no model {place.model!r} "
            f"({said}): most base URLs end in /v1; look at TAGFLOW_LLM_MODEL too"
        )
    if 300 <= status < 400:
        return (
            f"{place.host} redirects elsewhere ({said}), where contents are not sent: set TAGFLOW_LLM_BASE_URL to the "
            "final address"
        )
    return ""


def read_error_in_reply(place: Place, payload: Mapping[str, Any]) -> Fault:
    """Return what an error means that came with status 200."""
    error = payload["error"] if isinstance(payload["error"], dict) else {}
    code = error.get("code")
    status = code if isinstance(code, int) and not isinstance(code, bool) and 400 <= code < 600 else 500
    fault = read_error(place, status, {}, json.dumps({"error": error}).encode())
    kind = "unusable" if fault.kind == "passing" else fault.kind
    return Fault(kind, fault.reason.replace("HTTP 500", "error in a reply of HTTP 200"), paid=True)


def read_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that Retry-After asks for, 0 or more; None where it says nothing that can be followed."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        said = headers.get(name, "").strip()
        if not said:
            continue
        try:
            seconds = float(said) / unit
        except ValueError:
            try:
                seconds = parsedate_to_datetime(said).timestamp() - time.time()
            except (ValueError, TypeError, OverflowError):
                continue
        if seconds > 0 and not math.isnan(seconds):
            return seconds
    return None


def _find_error(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if isinstance(said, list) and said:
        said = said[0]
    error = said.get("error", said) if isinstance(said, dict) else {}
    return error if isinstance(error, dict) else {"message": str(error)}


def _describe(status: int, codes: set[str]) -> str:
    known = sorted(code for code in codes if _IDENTIFIER.fullmatch(code))
    return ", ".join([f"HTTP {status}", *known[:1]])


def _find_parameter(error: Mapping[str, Any], text: str) -> str:
    if "max_completion_tokens" in text:
        return "max_tokens"
    said = str(error.get("param") or "")
    if said in _PARAMETERS:
        return said
    if re.search(r"json.?schema|grammar", text, re.IGNORECASE):
        return "response_format"
    return next((name for name in _PARAMETERS if re.search(rf"\b{name}\b", text)), "")


_PARAMETERS = ("max_tokens", "temperature", "top_logprobs", "logprobs", "response_format", "seed", "n")
