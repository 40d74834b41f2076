"""The gate between workers and endpoint, alone."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tagflow.adapters.endpoint_pacing import EndpointLimits, Gate, GateClosedError

LIMITS = EndpointLimits(concurrency=4, breaker=3, pause=0.01, pause_most=0.01, pauses=2, retry_after=0.05)


def run(work: Callable[[Gate, list[str]], Awaitable[None]], **changed: float) -> list[str]:
    said: list[str] = []
    asyncio.run(work(Gate(replace(LIMITS, **changed), said.append), said))
    return said


async def is_waiting(gate: Gate) -> bool:
    task = asyncio.ensure_future(gate.enter(0))
    await asyncio.sleep(0.002)
    if not task.done():
        task.cancel()
        return True
    gate.leave(task.result())
    return False


def test_one_request_tries_first_and_all_follow_when_it_is_answered() -> None:
    async def work(gate: Gate, said: list[str]) -> None:
        ticket = await gate.enter(0)
        assert await is_waiting(gate)
        gate.succeed(ticket)
        gate.leave(ticket)
        tickets = [await gate.enter(0) for _ in range(4)]
        assert await is_waiting(gate)
        gate.leave(tickets[0])
        assert not await is_waiting(gate)

    assert run(work) == []


def test_an_answer_from_before_a_pause_does_not_open_the_gate_after_it() -> None:
    async def work(gate: Gate, said: list[str]) -> None:
        first = await gate.enter(0)
        gate.succeed(first)
        old = await gate.enter(0)
        gate.throttle(0.01, "later")
        gate.leave(first)
        gate.succeed(old)
        trial = await gate.enter(0)
        assert await is_waiting(gate)
        gate.leave(old)
        assert await is_waiting(gate), "only the trial counts"
        gate.succeed(trial)
        assert not await is_waiting(gate)

    assert len(run(work)) == 1


def test_a_wait_that_is_asked_for_is_cut_to_the_longest_allowed() -> None:
    async def work(gate: Gate, said: list[str]) -> None:
        ticket = await gate.enter(0)
        gate.throttle(float("inf"), "later")
        gate.leave(ticket)
        start = asyncio.get_running_loop().time()
        await gate.enter(0)
        assert asyncio.get_running_loop().time() - start >= 0.049

    (line,) = run(work)
    assert line.startswith("later: pausing for 0.05 s, until ")


def test_faults_in_a_row_blame_the_endpoint_and_single_ones_the_call() -> None:
    async def work(gate: Gate, said: list[str]) -> None:
        ticket = await gate.enter(0)
        gate.succeed(ticket)
        assert [gate.fail("x"), gate.fail("x")] == [False, False]
        gate.succeed(ticket)
        assert [gate.fail("x"), gate.fail("x"), gate.fail("x")] == [False, False, True]

    assert len(run(work)) == 1


def test_pauses_without_an_answer_between_them_close_the_gate_and_it_opens_for_one_trial_again() -> None:
    async def work(gate: Gate, said: list[str]) -> None:
        for _ in range(3):
            ticket = await gate.enter(0)
            assert gate.fail("gone")
            gate.leave(ticket)
        with pytest.raises(GateClosedError, match="gone, still after 2 pauses"):
            await gate.enter(0)
        gate.reopen()
        ticket = await gate.enter(0)
        gate.fail("gone")
        with pytest.raises(GateClosedError):
            await gate.enter(0)

    assert len(run(work)) == 2


def test_closing_wakes_those_that_wait() -> None:
    async def work(gate: Gate, said: list[str]) -> None:
        await gate.enter(0)
        waiting = [asyncio.ensure_future(gate.enter(0)) for _ in range(5)]
        sleeping = asyncio.ensure_future(gate.sleep(30))
        await asyncio.sleep(0.002)
        gate.close("enough")
        async with asyncio.timeout(1):
            found = await asyncio.gather(*waiting, return_exceptions=True)
            await sleeping
        assert [str(error) for error in found] == ["enough"] * 5

    run(work, backoff=60.0, backoff_most=60.0)


def test_pace_is_kept_and_what_was_not_used_is_given_back() -> None:
    async def work(gate: Gate, said: list[str]) -> None:
        clock = asyncio.get_running_loop().time
        start = clock()
        gate.succeed(await gate.enter(100))  # 100 tokens at 1,000 a second
        await gate.enter(100_000)
        assert clock() - start >= 0.099
        gate.give_back(100_000)
        async with asyncio.timeout(10):  # instead of a hundred
            await gate.enter(0)

    run(work, tokens_per_minute=60_000.0)
