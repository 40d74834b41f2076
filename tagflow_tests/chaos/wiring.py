"""What a run under test is given beside its data: short waits, a witness of what was kept, and points to be killed at.

Everything is read from the environment, so that it holds in every process a run starts.
"""

import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tagflow.adapters import duckdb_store
from tagflow.adapters.endpoint_pacing import EndpointLimits
from tagflow.adapters.openai_endpoint import OpenAIEndpoint
from tagflow.adapters.response_journal import ResponseJournal
from tagflow.adapters.spending import SpendingMeter
from tagflow.calls import Answer, Call
from tagflow.pipeline import language_desk
from tagflow.tagset import scan_codes
from tagflow_tests.chaos.ledger import name_call

WITNESS = "TAGFLOW_CHAOS_WITNESS"
"""The file that what was kept and booked is written to, a line each."""

POINT = "TAGFLOW_CHAOS_POINT"
"""Where to be killed, and the how manieth time: ``kept:17``."""

PUBLISHED = ("proposal_cache", "candidate_tags", "tagged_output")

POINTS = ("arrived", "kept", "booked", *(f"{place}_{name}" for name in PUBLISHED for place in ("staged", "renamed")))
"""After a response arrived and before it is kept, after it was kept, after it was booked and before it is kept, while
an artifact is being published, just after its rename."""

SHORT: dict[str, Any] = {
    "backoff": 0.005, "backoff_most": 0.02, "pause": 0.01, "pause_most": 0.05, "retry_after": 1.0, "body_bytes": 1 << 20
}  # fmt: skip
"""Waits of milliseconds in the place of those that spare a real endpoint."""


_replaced: list[tuple[Any, str, Any]] = []


def wire() -> None:
    """Put everything the environment asks for in place, once in a process."""
    _replace(language_desk, "EndpointLimits", partial(EndpointLimits, **SHORT))
    _replace(scan_codes, "fit_basis", lambda vectors, size, seed: np.eye(vectors.shape[1])[:, : size - 1])  # faster
    _bear_witness()
    if said := os.environ.get(POINT):
        name, _, times = said.partition(":")
        _be_killed(name, int(times or 1))


def unwire() -> None:
    """Put back what was there before."""
    while _replaced:
        setattr(*_replaced.pop())


def _replace(owner: object, name: str, value: object) -> None:
    _replaced.append((owner, name, getattr(owner, name)))
    setattr(owner, name, value)


def _bear_witness() -> None:
    keep, discard, settle = OpenAIEndpoint._keep, OpenAIEndpoint.discard, SpendingMeter.settle

    def write(*said: object) -> None:
        line = json.dumps([time.monotonic(), *said]) + "\n"
        if path := os.environ.get(WITNESS):  # looked up each time: rounds in one process have one each
            with Path(path).open("ab", buffering=0) as file:
                file.write(line.encode())

    def tell_kept(self: OpenAIEndpoint, key: str, call: Call, answer: Answer) -> None:
        keep(self, key, call, answer)
        if len(answer.samples) == call.samples:
            write("kept", name_call(call))

    def tell_discarded(self: OpenAIEndpoint, calls: Sequence[Call]) -> None:
        discard(self, calls)
        for call in calls:
            write("discarded", name_call(call))

    def tell_settled(self: SpendingMeter, reservation: int, prompt_tokens: int, completion_tokens: int) -> float:
        money = settle(self, reservation, prompt_tokens, completion_tokens)
        write("paid" if prompt_tokens + completion_tokens else "unpaid")
        return money

    _replace(OpenAIEndpoint, "_keep", tell_kept)
    _replace(OpenAIEndpoint, "discard", tell_discarded)
    _replace(SpendingMeter, "settle", tell_settled)


def _be_killed(point: str, times: int) -> None:
    left = times

    def reach() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    if point in ("arrived", "booked"):
        owner, name = (SpendingMeter, "settle") if point == "arrived" else (ResponseJournal, "keep")
        _replace(owner, name, _before(getattr(owner, name), reach))
    elif point == "kept":
        _replace(ResponseJournal, "keep", _after(ResponseJournal.keep, reach))
    else:
        place, _, artifact = point.partition("_")
        sync = duckdb_store.sync
        before = ""

        def sync_and_die(path: Path) -> None:
            nonlocal before
            if place == "staged" and path.name.startswith(f".{artifact}-"):
                reach()
            if place == "renamed" and path.is_dir() and before.startswith(f".{artifact}-"):
                reach()
            before = path.name
            sync(path)

        _replace(duckdb_store, "sync", sync_and_die)


def _before(function: Callable[..., Any], reach: Callable[[], None]) -> Callable[..., Any]:
    def wrapped(*given: Any, **named: Any) -> Any:
        reach()
        return function(*given, **named)

    return wrapped


def _after(function: Callable[..., Any], reach: Callable[[], None]) -> Callable[..., Any]:
    def wrapped(*given: Any, **named: Any) -> Any:
        said = function(*given, **named)
        reach()
        return said

    return wrapped
