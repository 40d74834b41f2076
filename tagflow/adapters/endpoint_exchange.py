"""One call and all requests it takes: reserved, sent, retried by the kind of fault, and booked."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from tagflow.adapters.endpoint_errors import Fault, Place, read_error
from tagflow.adapters.endpoint_pacing import EndpointLimits, Gate, GateClosedError
from tagflow.adapters.endpoint_replies import Reply, read_reply
from tagflow.adapters.endpoint_requests import Quirks, bound_prompt, build_body, estimate_prompt, find_length
from tagflow.adapters.endpoint_wire import Received
from tagflow.calls import Answer, Call, Capabilities
from tagflow.ports import Manifest, Meter

J = TypeVar("J")
T = TypeVar("T")


class Sender(Protocol):
    """Sends one request."""

    async def send(self, body: bytes) -> Received | Fault:
        """Return the reply or the fault of the connection."""


@dataclass
class Account:
    """What a call has taken so far, over all its requests."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    money: float = 0.0

    def answer(self, outcome: str, reason: str, reply: Reply | None = None) -> Answer:
        """Return the answer that ends the call."""
        samples, model = (reply.samples, reply.model) if reply else ((), "")
        spent = (self.prompt_tokens, self.completion_tokens, self.money, self.requests)
        return Answer(outcome, reason, samples, model, *spent)


@dataclass
class Exchange:
    """Asks calls of one endpoint, one request at a time for each.

    A request without a reply may have been paid for and is booked with all it may have taken; one that came back with
    an error status was not.
    """

    place: Place
    limits: EndpointLimits
    gate: Gate
    wire: Sender
    meter: Meter
    manifest: Manifest
    threads: Executor
    quirks: Quirks = field(default_factory=Quirks)
    fatal: str = ""
    _reserved: int = 0
    _settled: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, call: Call, can: Capabilities, seed: int | None = None) -> tuple[Answer, Reply | None]:
        """Return what came of a call, asked for all its samples at once, and the reply it was read from."""
        spent = Account()
        faults = throttles = 0
        while True:
            known = (self.quirks.tokens_name, self.quirks.temperature)
            body = build_body(self.place.model, call, can, self.quirks, seed)
            found = await self._request(call, can, body, spent)
            if isinstance(found, Answer):
                return found, None
            if isinstance(found, Reply):
                return spent.answer(found.outcome, found.reason, found), found
            if found.kind == "fatal":
                self.fatal = self.fatal or found.reason
                self.gate.close(found.reason)
                return spent.answer("stopped", found.reason), None
            if found.kind == "throttled":
                throttles += 1
                self.gate.throttle(found.wait, found.reason)
                if throttles >= self.limits.throttles:
                    return spent.answer("exhausted", f"{found.reason}, {throttles} times"), None
            elif found.kind in ("passing", "unusable"):
                faults += not self.gate.fail(found.reason)
                if faults >= self.limits.attempts:
                    outcome = "exhausted" if found.kind == "passing" else "unusable"
                    return spent.answer(outcome, f"{found.reason}, {faults} times in turn"), None
                await self.gate.sleep(max(1, faults))
            else:
                self.gate.succeed()
                outdated = known != (self.quirks.tokens_name, self.quirks.temperature)  # another worker just learned it
                if found.kind != "rejected" or not (self.quirks.learn(found.parameter) or outdated):
                    return spent.answer(found.kind, found.reason), None

    async def _request(self, call: Call, can: Capabilities, body: bytes, spent: Account) -> Reply | Fault | Answer:
        most = bound_prompt(body), find_length(call, can) * call.samples
        about = estimate_prompt(call), most[1]
        if self.limits.context_tokens and about[0] + find_length(call, can) > self.limits.context_tokens:
            return spent.answer("too_long", f"the prompt does not fit {self.limits.context_tokens:,} tokens of context")
        reservation = await self._reserve(call.task, *most)
        if reservation is None:
            return spent.answer("over_budget", "the budget would not cover another request")
        took = (0, 0)
        try:
            try:
                await self.gate.enter(sum(about))
            except GateClosedError as error:
                return spent.answer("stopped", str(error))
            try:
                spent.requests += 1
                took = about  # unless something better is known
                self.manifest.record(self.place.host, call, len(body))
                found = self._read(call, await self.wire.send(body))
            finally:
                self.gate.leave()
            if isinstance(found, Reply):
                self.gate.succeed()
                took = found.prompt_tokens, found.completion_tokens
            elif not found.paid:
                took = (0, 0)
            self.gate.correct(sum(about) - sum(took))
            return found
        finally:
            await self._settle(reservation, took, spent)

    def _read(self, call: Call, received: Received | Fault) -> Reply | Fault:
        if isinstance(received, Fault):
            return received
        if received.status == 200:
            return read_reply(self.place, call, received.body)
        return read_error(self.place, received.status, received.headers, received.body)

    async def _reserve(self, task: str, prompt_tokens: int, completion_tokens: int) -> int | None:
        while (reservation := self.meter.reserve(task, prompt_tokens, completion_tokens)) is None:
            if not self._reserved:
                return None
            self._settled.clear()
            await self._settled.wait()  # what others give back may be enough
        self._reserved += 1
        return reservation

    async def _settle(self, reservation: int, took: tuple[int, int], spent: Account) -> None:
        spent.prompt_tokens += took[0]
        spent.completion_tokens += took[1]
        try:
            spent.money += await self.run(self.meter.settle, reservation, *took)
        finally:
            self._reserved -= 1
            self._settled.set()

    async def run(self, function: Callable[..., T], *given: object) -> T:
        """Run something that may wait for a disk, and have it end even if the caller is cancelled."""
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self.threads, function, *given))


async def work_off(items: Iterable[J], work: Callable[[J], Awaitable[None]], workers: int) -> None:
    """Work through items with a bounded number of workers; the first error stops the taking of further ones.

    Raises:
        Exception: that first error, after the work begun has ended.
    """
    left = iter(items)
    failed: list[Exception] = []

    async def take() -> None:
        for item in left:
            try:
                await work(item)
            except Exception as error:
                failed.append(error)
            if failed:
                return

    await asyncio.gather(*(take() for _ in range(workers)))
    if failed:
        raise failed[0]
