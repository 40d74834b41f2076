"""Calls to a language model, ours beside the stock client: how near the ideal time, and CPU time a request.

Run ``python -m tagflow_tests.benchmarks.llm_client``. A loopback server in a process of its own answers every request
after the latency. Ours goes through the whole path: keys, reservations, journal and manifest (kept in memory). Stock is
``AsyncOpenAI`` with its default transport and a semaphore; sequential is one call after the other, as TagGPT's released
code does it. Efficiency is the ideal time, requests x latency / concurrency, divided by the time taken.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import click
from openai import AsyncOpenAI, OpenAI

from tagflow.adapters.endpoint_pacing import EndpointLimits
from tagflow.adapters.openai_endpoint import OpenAIEndpoint
from tagflow.calls import Answer, Call

MODEL = "loopback"
TEXT = "Name the tags of this content.\n" + "A pan of onions, slowly browned in butter. " * 20
WARM = 64  # calls of each side before it is measured


class MemoryJournal:
    """Keeps answers until the process ends."""

    def __init__(self) -> None:
        """Start empty."""
        self._kept: dict[str, Answer] = {}

    def find(self, keys: Sequence[str]) -> dict[str, Answer]:
        """Return what is kept."""
        return {key: replace(self._kept[key], stored=True) for key in keys if key in self._kept}

    def keep(self, key: str, call: Call, answer: Answer) -> None:
        """Keep an answer."""
        self._kept[key] = answer

    def discard(self, keys: Sequence[str]) -> None:
        """Drop answers."""
        for key in keys:
            self._kept.pop(key, None)

    def use(self, uses: Sequence[tuple[str, Call]]) -> None:
        """Count nothing."""


class Open:
    """A meter without a budget and a manifest without an end."""

    def reserve(self, task: str, prompt_tokens: int, completion_tokens: int) -> int | None:
        """Return a number."""
        return 1

    def settle(self, reservation: int, prompt_tokens: int, completion_tokens: int) -> float:
        """Return no money."""
        return 0.0

    def record(self, host: str, call: Call, sent_bytes: int) -> None:
        """Count nothing."""


@contextmanager
def serve(latency: float) -> Iterator[str]:
    """Run the server in a process of its own and give its base URL."""
    command = [sys.executable, "-m", "tagflow_tests.llm.fault_server", "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def measure(run: Callable[[range], int], start: int, requests: int) -> tuple[float, float]:
    """Return wall seconds, and CPU milliseconds a request."""
    run(range(start, start + WARM))
    wall, cpu = time.perf_counter(), time.process_time()
    answered = run(range(start + WARM, start + WARM + requests))
    took = time.perf_counter() - wall, (time.process_time() - cpu) * 1000 / requests
    if answered != requests:
        raise click.ClickException(f"{requests - answered} requests were not answered")
    return took


def ask_ours(endpoint: OpenAIEndpoint, numbers: range) -> int:
    """Return how many calls were answered by ours."""
    calls = [Call("propose", str(number), (("user", f"{TEXT}{number}"),), 64) for number in numbers]
    return sum(answer.outcome == "answered" for answer in endpoint.answer(calls))


async def ask_stock(url: str, concurrency: int, numbers: range) -> int:
    """Return how many requests the stock client got an answer to."""
    gate = asyncio.Semaphore(concurrency)
    async with AsyncOpenAI(base_url=url, api_key="none") as client:

        async def ask(number: int) -> bool:
            async with gate:
                messages = [{"role": "user", "content": f"{TEXT}{number}"}]
                said = await client.chat.completions.create(
                    model=MODEL,
                    messages=messages,
                    max_tokens=64,
                    temperature=0.0,  # type: ignore[arg-type]
                )
                return bool(said.choices[0].message.content)

        return sum(await asyncio.gather(*map(ask, numbers)))


def ask_in_turn(client: OpenAI, numbers: range) -> int:
    """Return how many requests were answered one after the other."""
    answered = 0
    for number in numbers:
        said = client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": f"{TEXT}{number}"}], max_tokens=64, temperature=0.0
        )
        answered += bool(said.choices[0].message.content)
    return answered


@click.command()
@click.option("--requests", default=2048, show_default=True, help="Requests of each of the two sides.")
@click.option("--sequential", default=16, show_default=True, help="Requests one after the other.")
@click.option("--concurrency", default=64, show_default=True)
@click.option("--latency", default=0.2, show_default=True, help="Seconds.")
def main(requests: int, sequential: int, concurrency: int, latency: float) -> None:
    """Measure ours, the stock client and calls in turn."""
    limits = EndpointLimits(concurrency=concurrency)
    with serve(latency) as url:
        with OpenAIEndpoint(url, MODEL, "", limits, MemoryJournal(), Open(), Open(), click.echo) as endpoint:
            ours = measure(lambda numbers: ask_ours(endpoint, numbers), 0, requests)
        stock = measure(lambda numbers: asyncio.run(ask_stock(url, concurrency, numbers)), 0, requests)
        with OpenAI(base_url=url, api_key="none") as client:
            started = time.perf_counter(), time.process_time()
            ask_in_turn(client, range(sequential))
            turn = time.perf_counter() - started[0], (time.process_time() - started[1]) * 1000 / sequential
    click.echo(f"{latency * 1000:g} ms a request, {concurrency} at once")
    click.echo(f"{'':12}{'requests':>9}{'seconds':>9}{'each s':>8}{'efficiency':>12}{'CPU ms':>8}")
    found = []
    for name, count, (wall, cpu) in (
        ("ours", requests, ours),
        ("stock", requests, stock),
        ("sequential", sequential, turn),
    ):
        found.append(count * latency / concurrency / wall)
        click.echo(f"{name:12}{count:9,}{wall:9.2f}{count / wall:8.0f}{found[-1]:12.3f}{cpu:8.2f}")
    said = {"efficiency_64": found[0], "cpu_ms": ours[1], "stock_cpu_ms": stock[1], "sequential_efficiency": found[2]}
    click.echo(json.dumps({name: round(value, 4) for name, value in said.items()}))


if __name__ == "__main__":
    main()
