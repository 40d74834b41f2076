"""Everything a real endpoint does wrong, on the socket and in the JSON, by name.

A fault is written ``kind`` or ``kind:argument``: ``hang``, ``drip:20``, ``429:2``, ``redirect:http://…``.
"""

import asyncio
import functools
import gzip
import hashlib
import json
import random
import socket
import struct
import time
import zlib
from collections.abc import Callable, Sequence
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tagflow_tests.llm.fault_server import Exchange, Request

HTML = b"<html><body><h1>Bad Gateway</h1></body></html>"
REASONS = {200: "OK", 307: "Temporary Redirect", 400: "Bad Request", 401: "Unauthorized", 429: "Too Many Requests"}

PASSING = (
    "reset", "reset_body", "cut", "cut_unsized", "long_length", "drop", "429:0.02", "500", "502", "503", "504", "408",
    "409", "html502", "html", "empty", "truncated", "error200", "no_choices", "null_choices", "missing_choices",
    "null_content", "garbage",
)  # fmt: skip
"""Faults that a further attempt may cure and that take no time."""


def make_error(code: str, message: str = "no", param: str = "") -> bytes:
    """Return the body of an OpenAI error."""
    return json.dumps({"error": {"message": message, "type": code, "code": code, "param": param or None}}).encode()


class Mix:
    """A share of all requests gets a fault of these kinds, drawn from the seed and the request, whatever the order."""

    def __init__(self, share: float, kinds: Sequence[str] = PASSING, seed: int = 0) -> None:
        self._share, self._kinds, self._seed = share, tuple(kinds), seed
        self._times: dict[bytes, int] = {}
        self.drawn: dict[str, int] = {}

    def __call__(self, request: "Request") -> str:
        """Return a fault, or an empty text."""
        self._times[request.raw] = times = self._times.get(request.raw, 0) + 1
        said = hashlib.sha256(f"{self._seed} {times} ".encode() + request.raw).digest()
        draw = random.Random(said)
        fault = draw.choice(self._kinds) if draw.random() < self._share else ""
        if fault:
            self.drawn[fault] = self.drawn.get(fault, 0) + 1
        return fault


def change_payload(kind: str, payload: dict[str, Any]) -> dict[str, Any] | None:
    """Return the completion with a fault of this kind in its JSON, or None: the fault lies elsewhere."""
    message = [{**choice["message"], "content": None} for choice in payload["choices"]]
    without = {name: value for name, value in payload.items() if name not in ("choices", "usage")}
    finishes = {"length": "length", "content_filter": "content_filter"}
    if kind in finishes:
        return {**payload, "choices": [{**choice, "finish_reason": finishes[kind]} for choice in payload["choices"]]}
    changes: dict[str, Callable[[], dict[str, Any]]] = {
        "no_choices": lambda: {**payload, "choices": []},
        "null_choices": lambda: {**payload, "choices": None},
        "missing_choices": lambda: without,
        "null_content": lambda: {**payload, "choices": [{**payload["choices"][0], "message": message[0]}]},
        "no_usage": lambda: {name: value for name, value in payload.items() if name != "usage"},
        "null_usage": lambda: {**payload, "usage": None},
        "odd_usage": lambda: {**payload, "usage": {"prompt_tokens": "many", "completion_tokens": -3}},
        "null_logprobs": lambda: _set_choices(payload, logprobs=None),
        "one_choice": lambda: {**payload, "choices": payload["choices"][:1]},
        "schema_ignored": lambda: _set_content(payload, "Certainly! Here is what I think."),
        "refusal": lambda: _set_choices(payload, message={**message[0], "refusal": "I cannot help with that."}),
        "surrogate": lambda: _set_content(payload, "half \ud83d pair"),
    }
    return changes[kind]() if kind in changes else None


def _set_choices(payload: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {**payload, "choices": [{**choice, **changed} for choice in payload["choices"]]}


def _set_content(payload: dict[str, Any], text: str) -> dict[str, Any]:
    return _set_choices(payload, message={"role": "assistant", "content": text})


async def inflict(exchange: "Exchange", kind: str, argument: str, good: bytes) -> None:
    """Answer a request with a fault of the socket, the status line or the body; ``good`` is the right body."""
    if kind.isdigit() and kind != "429":
        await exchange.send(int(kind), make_error({"401": "invalid_api_key", "404": "model_not_found"}.get(kind, "x")))
    elif kind in _STATUS:
        status, body = _STATUS[kind]
        await exchange.send(status, body, type_="text/html" if body == HTML else "application/json")
    elif kind == "429":
        await exchange.send(
            429, make_error("rate_limit_exceeded"), f"Retry-After: {_say_when(argument)}\r\n" * bool(argument)
        )
    elif kind == "echo":  # a server that repeats key and content where it explains itself
        told = f"{exchange.request.headers['authorization']} {exchange.request.raw.decode()}"
        await exchange.send(int(argument), make_error(told.split()[1], told, told))
    elif kind == "redirect":
        await exchange.send(307, b"", f"Location: {argument}\r\n")
    else:
        await _SOCKET[kind](exchange, argument, good)


_STATUS = {
    "quota": (429, make_error("insufficient_quota", "You exceeded your current quota")),
    "too_long": (400, make_error("context_length_exceeded", "maximum context length is 8192 tokens")),
    "too_long_plain": (400, b'{"error": {"code": 400, "message": "the request exceeds the available context size"}}'),
    "broken_off": (
        500,
        make_error("server_error", "The model produced output that does not match the expected form"),
    ),
    "bad_schema": (400, make_error("invalid_json_schema", "Invalid schema for response_format", "response_format")),
    "html502": (502, HTML),
    "html": (200, HTML),
    "empty": (200, b""),
    "error200": (200, make_error("server_error")),
    "deep": (200, b"[" * 200_000),
}


def _say_when(argument: str) -> str:
    kind, _, seconds = argument.partition("=")
    return formatdate(time.time() + float(seconds), usegmt=True) if kind == "date" else argument


async def _hang(exchange: "Exchange", argument: str, good: bytes) -> None:
    await asyncio.sleep(float(argument or 3600))
    exchange.close()


async def _drip(exchange: "Exchange", argument: str, good: bytes) -> None:
    await exchange.write(exchange.head(200, len(good)))
    for at in range(0, len(good), int(argument or 20)):
        await exchange.write(good[at : at + int(argument or 20)])
        await asyncio.sleep(0.05)


async def _reset(exchange: "Exchange", argument: str, good: bytes) -> None:
    sock = exchange.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    exchange.writer.transport.abort()
    exchange.open = False


async def _reset_body(exchange: "Exchange", argument: str, good: bytes) -> None:
    await exchange.write(exchange.head(200, len(good)) + good[:40])
    await asyncio.sleep(0.01)
    await _reset(exchange, argument, good)


async def _drop(exchange: "Exchange", argument: str, good: bytes) -> None:
    exchange.close()


async def _cut(exchange: "Exchange", argument: str, good: bytes) -> None:
    await exchange.write(exchange.head(200, len(good)) + good[:40])
    exchange.close()


async def _cut_unsized(exchange: "Exchange", argument: str, good: bytes) -> None:
    await exchange.write(exchange.head(200, None) + good[:40])
    exchange.close()


async def _long_length(exchange: "Exchange", argument: str, good: bytes) -> None:
    await exchange.write(exchange.head(200, len(good) + 100) + good)
    exchange.close()


async def _short_length(exchange: "Exchange", argument: str, good: bytes) -> None:
    await exchange.write(exchange.head(200, len(good) - 30) + good)
    exchange.close()


async def _truncated(exchange: "Exchange", argument: str, good: bytes) -> None:
    await exchange.send(200, good[: len(good) // 2])


async def _garbage(exchange: "Exchange", argument: str, good: bytes) -> None:
    await exchange.write(b"\x00\x16\x03 this is no HTTP\r\n\r\n")
    exchange.close()


async def _stale(exchange: "Exchange", argument: str, good: bytes) -> None:
    await exchange.send(200, good)  # it says that the connection stays, and closes it
    exchange.close()


async def _junk_after(exchange: "Exchange", argument: str, good: bytes) -> None:
    await exchange.write(exchange.head(200, len(good)) + good + b"\r\nsome stray bytes")


async def _huge(exchange: "Exchange", argument: str, good: bytes) -> None:
    size = int(argument or 40) << 20
    start = b'{"choices": [{"message": {"content": "'
    await exchange.write(exchange.head(200, size + len(start)) + start)
    block = b"a" * (1 << 16)
    for _ in range(size >> 16):
        await exchange.write(block)


@functools.cache
def _pack_spaces(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(b" " * (1 << 20)) for _ in range(megabytes)) + packer.flush()


async def _bomb(exchange: "Exchange", argument: str, good: bytes, status: int = 200) -> None:
    packed = await asyncio.to_thread(_pack_spaces, int(argument or 200))
    await exchange.write(exchange.head(status, len(packed), "Content-Encoding: gzip\r\n") + packed)


async def _error_bomb(exchange: "Exchange", argument: str, good: bytes) -> None:
    await _bomb(exchange, argument, good, 500)


async def _gzip(exchange: "Exchange", argument: str, good: bytes) -> None:
    await exchange.send(200, gzip.compress(good), "Content-Encoding: gzip\r\n")


_SOCKET = {
    "hang": _hang, "drip": _drip, "reset": _reset, "reset_body": _reset_body, "drop": _drop, "cut": _cut,
    "cut_unsized": _cut_unsized, "long_length": _long_length, "short_length": _short_length, "truncated": _truncated,
    "garbage": _garbage, "stale": _stale, "junk_after": _junk_after, "huge": _huge, "bomb": _bomb,
    "error_bomb": _error_bomb, "gzip": _gzip,
}  # fmt: skip

UNPAID = ("quota", "bad_schema", "echo", "too_long", "too_long_plain", "html502", "429", "redirect", "error_bomb")


def is_paid(kind: str) -> bool:
    """Return whether a request with this fault was taken for an answer: every one but those with an error status."""
    return not kind.isdigit() and kind not in UNPAID
