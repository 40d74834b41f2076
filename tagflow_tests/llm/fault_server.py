"""A loopback OpenAI-compatible server below the level of HTTP, so that it can break HTTP itself.

``with FaultServer(reply=..., faults=...) as server:`` serves at ``server.url`` until the block ends. What came in is in
``server.requests``; what an owner would have been billed for is in ``server.paid``: every request that was not turned
down with an error status.
"""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import click

from tagflow_tests.llm.completions import Abilities, Completion, Composer, refuse
from tagflow_tests.llm.faults import REASONS, change_payload, inflict, is_paid, make_error

Reply = Callable[[dict[str, Any]], str | Sequence[str] | Completion]
Faults = Callable[["Request"], str] | Iterable[str]


@dataclass
class Request:
    """A request as it came in."""

    number: int
    at: float  # seconds of the monotonic clock
    path: str
    headers: dict[str, str]
    raw: bytes
    body: dict[str, Any]
    fault: str = ""
    paid: bool = False
    sent: int = 0  # bytes written back

    @property
    def text(self) -> str:
        """The last message."""
        return str(self.body["messages"][-1]["content"])


class Exchange:
    """One request's way back to the client."""

    def __init__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        self.request, self.writer, self.open = request, writer, True

    def head(self, status: int, length: int | None, extra: str = "", type_: str = "application/json") -> bytes:
        """Return status line and headers; without a length the body ends with the connection."""
        size = "Connection: close\r\n" if length is None else f"Content-Length: {length}\r\n"
        reason = REASONS.get(status, "X")
        return f"HTTP/1.1 {status} {reason}\r\nContent-Type: {type_}\r\n{size}{extra}\r\n".encode()

    async def send(self, status: int, body: bytes, extra: str = "", type_: str = "application/json") -> None:
        """Write a whole response."""
        await self.write(self.head(status, len(body), extra, type_) + body)

    async def write(self, data: bytes) -> None:
        """Write bytes as soon as the client takes them."""
        self.writer.write(data)
        self.request.sent += len(data)
        await self.writer.drain()

    def close(self) -> None:
        """Close the connection in good order."""
        self.open = False
        self.writer.close()


def answer_plainly(body: Mapping[str, Any]) -> str:
    """Return the answer of a server that is given none."""
    return "Yes"


class FaultServer:
    """Serves chat completions on a loopback port in a thread of its own.

    Args:
        reply: gives the answer to a parsed request: a text, a text per choice, or a whole completion.
        faults: a fault per request in order of arrival, or a function of the request; an empty text is none.
        abilities: what the server can do.
        latency: seconds before each answer.
    """

    def __init__(
        self,
        reply: Reply = answer_plainly,
        faults: Faults = (),
        abilities: Abilities | None = None,
        latency: float = 0.0,
    ) -> None:
        self.reply, self.latency = reply, latency
        self._abilities = abilities or Abilities()
        self._composer = Composer(self._abilities)
        self._script = None if callable(faults) else iter(faults)
        self.faults = faults if callable(faults) else lambda request: next(self._script or iter(()), "")
        self.requests: list[Request] = []
        self.connections = 0
        self.in_flight = self.most_in_flight = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def paid(self) -> list[Request]:
        """The requests that would have been billed."""
        return [request for request in list(self.requests) if request.paid]

    def script(self, *faults: str) -> None:
        """Give the next requests these faults, whatever was said before."""
        self._script = iter(faults)
        self.faults = lambda request: next(self._script or iter(()), "")

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fault server", daemon=True)
        self._ready = threading.Event()
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the fault server does not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self.serve())
        self._loop.close()

    async def serve(self, say: Callable[[str], object] = str) -> None:
        """Serve until the block ends."""
        self._end = asyncio.Event()
        server = await asyncio.start_server(self._welcome, "127.0.0.1", 0, limit=1 << 26, backlog=1024)
        self.port: int = server.sockets[0].getsockname()[1]
        if hasattr(self, "_ready"):
            self._ready.set()
        say(self.url)
        await self._end.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._serve_one(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest if line)}
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Request(
            len(self.requests), time.monotonic(), first.split(" ")[1], headers, raw, json.loads(raw) if raw else {}
        )
        self.requests.append(request)
        exchange = Exchange(request, writer)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await self._answer(exchange)
        finally:
            self.in_flight -= 1
        return exchange.open

    async def _answer(self, exchange: Exchange) -> None:
        request = exchange.request
        request.fault = self.faults(request)
        kind, _, argument = request.fault.partition(":")
        refused = refuse(self._abilities, request.headers, request.body)
        request.paid = refused is None and is_paid(kind)
        if self.latency:
            await asyncio.sleep(self.latency)
        if refused and not kind:
            status, code, param = refused
            await exchange.send(status, make_error(code, f"Unsupported: {param}", param))
            return
        payload = self._composer.compose(request.body, self.reply(request.body))
        changed = change_payload(kind, payload) if kind else payload
        if changed is not None:
            await exchange.send(200, json.dumps(changed).encode())
        else:
            await inflict(exchange, kind, argument, json.dumps(payload).encode())


@click.command()
@click.option("--latency", default=0.2, show_default=True, help="Seconds before each answer.")
def main(latency: float) -> None:
    """Serve well-behaved answers in a process of its own; the first line printed is the base URL."""
    server = FaultServer(latency=latency)
    asyncio.run(server.serve(lambda url: click.echo(url)))


if __name__ == "__main__":
    main()
