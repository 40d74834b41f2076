"""One call and all requests it takes: reserved, sent, retried by the kind of fault, and booked."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from tagflow.adapters.endpoint_errors import Fault, Place, read_error
from tagflow.adapters.endpoint_pacing import EndpointLimits, Gate, GateClosedError
from tagflow.adapters.endpoint_replies import Reply, read_reply
from tagflow.adapters.endpoint_requests import Quirks, bound_prompt, build_body, estimate_prompt, find_length
from tagflow.adapters.endpoint_till import Till
from tagflow.adapters.endpoint_wire import Received
from tagflow.calls import Answer, Call, Capabilities

J = TypeVar("J")

Keep = Callable[[Answer], None]


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
class _Tries:
    """How often a call has failed."""

    limits: EndpointLimits
    faults: int = 0
    throttles: int = 0

    def count(self, found: Fault, blamed: bool) -> tuple[str, str] | None:
        """Return outcome and reason if the call ends with this fault; one that may be adapted to does not yet."""
        if found.kind == "fatal":
            return "stopped", found.reason
        if found.kind == "throttled":
            self.throttles += 1
            late = self.throttles >= self.limits.throttles
            return ("exhausted", f"{found.reason}, {self.throttles} times") if late else None
        if found.kind in ("passing", "unusable"):
            self.faults += blamed
            outcome = "exhausted" if found.kind == "passing" else "unusable"
            late = self.faults >= self.limits.attempts
            return (outcome, f"{found.reason}, {self.faults} times in turn") if late else None
        return None if found.kind == "rejected" else (found.kind, found.reason)


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
    till: Till
    quirks: Quirks = field(default_factory=Quirks)
    fatal: str = ""

    async def ask(
        self, call: Call, can: Capabilities, seed: int | None = None, keep: Keep | None = None
    ) -> tuple[Answer, Reply | None]:
        """Return what came of a call, asked for all its samples at once, and the reply it was read from.

        Args:
            call: what is asked.
            can: what the endpoint does.
            seed: seed of the samples.
            keep: is given an answer, and has kept it before this returns it.
        """
        spent, tries = Account(), _Tries(self.limits)
        while True:
            known = replace(self.quirks)
            body = build_body(self.place.model, call, can, self.quirks, seed)
            found, blamed = await self._request(call, can, body, spent, keep)
            if isinstance(found, Answer):
                return found, None
            if isinstance(found, Reply):
                return spent.answer(found.outcome, found.reason, found), found
            ended = tries.count(found, blamed)
            if ended is not None:
                return spent.answer(*ended), None
            if found.kind == "rejected":
                adapted = self._adapt(found, call, can, known)
                if adapted is None:
                    return spent.answer("rejected", found.reason), None
                can = adapted
            elif found.kind != "throttled":
                await self.gate.sleep(max(1, tries.faults))

    def _adapt(self, found: Fault, call: Call, can: Capabilities, known: Quirks) -> Capabilities | None:
        """Return with what a refused request is worth sending again, or None."""
        if found.parameter == "response_format" and (looser := _loosen(call, can)) is not None:
            return looser
        learned = self.quirks.learn(found.parameter)
        return can if learned or known != self.quirks else None  # another worker may just have learned it

    async def _request(
        self, call: Call, can: Capabilities, body: bytes, spent: Account, keep: Keep | None
    ) -> tuple[Reply | Fault | Answer, bool]:
        """Return what came of one request, and whether a fault counts against the call."""
        completion = find_length(call, can) * call.samples
        about = estimate_prompt(call), completion
        if self.limits.context_tokens and about[0] + find_length(call, can) > self.limits.context_tokens:
            reason = f"the prompt does not fit {self.limits.context_tokens:,} tokens of context"
            return spent.answer("too_long", reason), False
        try:
            ticket, reservation = await self._enter(call, bound_prompt(body), completion, len(body), sum(about))
        except GateClosedError as error:
            return spent.answer("stopped", str(error)), False
        if reservation is None:
            return spent.answer("over_budget", "the budget would not cover another request"), False
        took, found = about, None  # unless something better is known
        spent.requests += 1
        try:
            try:
                found = self._read(call, await self.wire.send(body))
                blamed = self._tell_gate(found, ticket)  # before others may enter
            finally:
                self.gate.leave(ticket)
            if isinstance(found, Reply):
                took = found.prompt_tokens, found.completion_tokens
            elif not found.paid:
                took = (0, 0)
            self.gate.give_back(sum(about) - sum(took))
            return found, blamed
        finally:
            spent.prompt_tokens += took[0]
            spent.completion_tokens += took[1]
            await self._settle(reservation, took, spent, found, keep)

    async def _settle(
        self, reservation: int, took: tuple[int, int], spent: Account, found: Reply | Fault | None, keep: Keep | None
    ) -> None:
        if keep is None or not isinstance(found, Reply) or found.outcome != "answered":
            spent.money += await self.till.settle(reservation, took)
            return
        before, reply, kept = spent.money, found, keep

        def finish(money: float) -> None:
            spent.money = before + money
            kept(spent.answer("answered", "", reply))

        await self.till.settle(reservation, took, finish)

    def _tell_gate(self, found: Reply | Fault, ticket: int) -> bool:
        """Tell the gate how the endpoint is; return whether a fault is the call's rather than the endpoint's."""
        if isinstance(found, Reply) or found.kind in ("too_long", "filtered", "truncated", "rejected"):
            self.gate.succeed(ticket)
        elif found.kind == "fatal":
            self.fatal = self.fatal or found.reason
            self.gate.close(found.reason)
        elif found.kind == "throttled":
            self.gate.throttle(found.wait, found.reason)
        else:
            return not self.gate.fail(found.reason)
        return False

    def _read(self, call: Call, received: Received | Fault) -> Reply | Fault:
        if isinstance(received, Fault):
            return received
        if received.status == 200:
            return read_reply(self.place, call, received.body)
        return read_error(self.place, received.status, received.headers, received.body)

    async def _enter(
        self, call: Call, prompt_tokens: int, completion_tokens: int, size: int, about: int
    ) -> tuple[int, int | None]:
        while True:
            ticket = await self.gate.enter(about)
            reservation = None
            try:
                reservation, settled = await self.till.reserve(call, prompt_tokens, completion_tokens, size)
            finally:
                if reservation is None:
                    self.gate.leave(ticket)
                    self.gate.give_back(about, requests=1)
            if reservation is not None or not await self.till.wait(settled):  # what others give back may be enough
                return ticket, reservation


def _loosen(call: Call, can: Capabilities) -> Capabilities | None:
    """Return what is left to try where this schema is refused although others were taken; never while probing."""
    if call.schema is None or call.task == "probe" or can.schema == "prompt":
        return None
    return replace(can, schema="json_object" if can.schema == "json_schema" else "prompt")


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
