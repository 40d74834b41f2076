"""Where requests are paid: set aside and written down before one leaves, booked and kept when it is over.

Meter, manifest and journal may wait for a disk or another process, so that they are never asked in the event loop.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TypeVar

from tagflow.calls import Call
from tagflow.ports import Manifest, Meter

T = TypeVar("T")


@dataclass
class Till:
    """Books the requests to one host."""

    hostname: str
    meter: Meter
    manifest: Manifest
    threads: Executor
    _open: int = 0
    _settled: int = 0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _change: asyncio.Event = field(default_factory=asyncio.Event)

    async def reserve(
        self, call: Call, prompt_tokens: int, completion_tokens: int, size: int
    ) -> tuple[int | None, int]:
        """Set aside what one request may cost at most and write it down.

        Returns:
            The reservation, None if the budget does not cover it now, and what ``wait`` is to be given then.
        """
        async with self._lock:
            settled = self._settled
            reservation = await self.run(self._write_down, call, prompt_tokens, completion_tokens, size)
            self._open += reservation is not None
            return reservation, settled

    async def wait(self, settled: int) -> bool:
        """Wait until another request is booked; return False at once if nothing will ever be given back."""
        if self._settled == settled:
            if not self._open:
                return False
            self._change.clear()
            await self._change.wait()
        return True

    async def settle(
        self, reservation: int, took: tuple[int, int], keep: Callable[[float], None] | None = None
    ) -> float:
        """Book what a request took and return its money; ``keep`` is given that too, and has ended before this ends."""
        try:
            return await self.run(self._book, reservation, took, keep)
        finally:
            self._open -= 1
            self._settled += 1
            self._change.set()

    async def run(self, function: Callable[..., T], *given: object) -> T:
        """Run something that may wait for a disk, and have it end even if the caller is cancelled."""
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self.threads, function, *given))

    def _write_down(self, call: Call, prompt_tokens: int, completion_tokens: int, size: int) -> int | None:
        reservation = self.meter.reserve(call.task, prompt_tokens, completion_tokens)
        if reservation is not None:
            try:
                self.manifest.record(self.hostname, call, size)
            except BaseException:
                self.meter.settle(reservation, 0, 0)  # what cannot be written down is not sent
                raise
        return reservation

    def _book(self, reservation: int, took: tuple[int, int], keep: Callable[[float], None] | None) -> float:
        money = 0.0
        try:
            money = self.meter.settle(reservation, *took)
        finally:
            if keep is not None:
                keep(money)
        return money
