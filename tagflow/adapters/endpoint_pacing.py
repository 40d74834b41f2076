"""When the next request may leave: requests in flight, pace, pauses that all workers share, and the circuit breaker.

Everything here lives in one event loop and needs no locks.
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class EndpointLimits:
    """How an endpoint may be used; times in seconds.

    Attributes:
        concurrency: most requests in flight.
        requests_per_minute: requests leave evenly spaced below this rate; None for as fast as they come back.
        tokens_per_minute: likewise for tokens, estimated when a request leaves and corrected by what it used.
        deadline: most time of one request from its first byte to its last.
        connect: most time of that for the connection.
        attempts: requests for one call before it is given up, where faults may pass.
        throttles: times that one call may be told to come later.
        retry_after: longest wait an endpoint may ask for; what is longer is cut to it.
        backoff: a retry waits a random time below this, doubled with each further one.
        backoff_most: most of it.
        breaker: passing faults in a row, over all workers, after which all of them pause.
        pause: length of the first pause, doubled with each further one.
        pause_most: most of it.
        pauses: pauses without an answer between them, after which the endpoint is given up.
        body_bytes: most bytes of a reply, unpacked.
        context_tokens: the model's context, where the deployment knows it; longer calls are not sent.
    """

    concurrency: int = 8  # ours: what a small local server still serves
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    deadline: float = 120.0  # ours: a long answer of a slow local model
    connect: float = 10.0  # ours
    attempts: int = 5  # ours: one fault in five leaves one call in three thousand unanswered
    throttles: int = 20  # ours
    retry_after: float = 120.0  # openai's own cap
    backoff: float = 0.5  # openai's own first wait
    backoff_most: float = 8.0  # openai's own longest wait
    breaker: int = 20  # ours: by chance once in 10^14 at one fault in five
    pause: float = 1.0  # ours
    pause_most: float = 30.0  # ours
    pauses: int = 8  # ours: about two minutes altogether
    body_bytes: int = 8 << 20  # ours: some hundred times the longest answer
    context_tokens: int | None = None


class GateClosedError(Exception):
    """Nothing is sent any more; ``str(error)`` says why."""


class Gate:
    """Lets requests pass one by one; whoever waits, waits in a queue.

    It opens for a single request at first and after every pause, and for all when that one is answered. Being
    throttled halves the requests in flight; they grow again by one with each full round of answers.
    """

    def __init__(self, limits: EndpointLimits, say: Callable[[str], object]) -> None:
        """Keep the limits and where pauses are told."""
        self._limits, self._say = limits, say
        self._allowed = float(limits.concurrency)
        self._turnstile = asyncio.Lock()
        self._changed = asyncio.Event()
        self._shut = asyncio.Event()
        self._reason = ""
        self._proven = False
        self._in_flight = self._fresh = self._faults = self._pauses = self._round = 0
        self._paused_until = self._request_due = self._tokens_due = 0.0

    async def enter(self, tokens: int) -> int:
        """Wait until a request of so many tokens may leave; return a ticket to leave with.

        Raises:
            GateClosedError: it may not leave any more.
        """
        async with self._turnstile:
            while (wait := self._find_wait()) is not None:
                self._changed.clear()
                await _wait(self._changed, wait)
            self._in_flight += 1
            self._fresh += 1
        now = time.monotonic()
        if self._limits.requests_per_minute:
            self._request_due = max(now, self._request_due) + 60 / self._limits.requests_per_minute
        if self._limits.tokens_per_minute:
            self._tokens_due = max(now, self._tokens_due) + tokens * 60 / self._limits.tokens_per_minute
        return self._round

    def _find_wait(self) -> float | None:
        if self._shut.is_set():
            raise GateClosedError(self._reason)
        due = max(self._paused_until, self._request_due, self._tokens_due) - time.monotonic()
        if due > 0:
            return due
        full = self._in_flight >= int(self._allowed) or (self._fresh and not self._proven)
        return 3600.0 if full else None

    def leave(self, ticket: int) -> None:
        """Make room: a request has ended, whatever came of it."""
        self._in_flight -= 1
        self._fresh -= ticket == self._round
        self._changed.set()

    def give_back(self, tokens: int, requests: int = 0) -> None:
        """Correct the pace by tokens and requests that were not used; negative: some more were."""
        if self._limits.tokens_per_minute:
            self._tokens_due -= tokens * 60 / self._limits.tokens_per_minute
        if self._limits.requests_per_minute:
            self._request_due -= requests * 60 / self._limits.requests_per_minute
        self._changed.set()

    def succeed(self, ticket: int) -> None:
        """Take note that the endpoint answered in earnest, be it with a refusal of this one request."""
        self._faults = 0
        if ticket != self._round:  # it left before the pause and proves nothing
            return
        self._proven = True
        self._pauses = 0
        self._allowed = min(float(self._limits.concurrency), self._allowed + 1 / max(self._allowed, 1.0))
        self._changed.set()

    def fail(self, reason: str) -> bool:
        """Take note of a passing fault; return whether the endpoint is at fault, not the call, so that all pause."""
        self._faults += 1
        if self._proven and self._faults < self._limits.breaker:
            return False
        if self._paused_until <= time.monotonic():
            self._pause(self._find_pause(), reason)
        return True

    def throttle(self, seconds: float | None, reason: str) -> None:
        """Pause all workers for as long as the endpoint asks, or a growing time of ours, and be gentler after it."""
        if self._paused_until <= time.monotonic():
            self._allowed = max(1.0, self._allowed / 2)
            self._pause(self._find_pause() if seconds is None else seconds, reason)
        elif seconds is not None:
            self._paused_until = max(self._paused_until, time.monotonic() + min(seconds, self._limits.retry_after))

    def _find_pause(self) -> float:
        longest = min(self._limits.pause_most, self._limits.pause * 2**self._pauses)
        return random.uniform(longest / 2, longest)

    def _pause(self, seconds: float, reason: str) -> None:
        self._proven = False
        self._round += 1
        self._fresh = 0
        self._pauses += 1
        if self._pauses > self._limits.pauses:
            self.close(f"{reason}, still after {self._limits.pauses} pauses")
            return
        seconds = min(seconds, self._limits.retry_after)
        self._paused_until = time.monotonic() + seconds
        clock = time.strftime("%H:%M:%S", time.localtime(time.time() + seconds))
        self._say(f"{reason}: pausing for {seconds:.3g} s, until {clock}")

    async def sleep(self, retry: int) -> None:
        """Wait a random time before the first, second … retry of a call, or until the gate closes."""
        most = min(self._limits.backoff_most, self._limits.backoff * 2 ** (retry - 1))
        await _wait(self._shut, random.uniform(0, most))

    def close(self, reason: str) -> None:
        """Let nothing pass any more."""
        self._reason = self._reason or reason
        self._shut.set()
        self._changed.set()

    def reopen(self) -> None:
        """Let requests pass again, a single one first if the endpoint had been given up."""
        self._reason = ""
        self._shut.clear()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
