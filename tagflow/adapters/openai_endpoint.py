"""A language model behind an OpenAI-compatible endpoint: many calls at once, each paid for at most once.

Calls are answered in an event loop of its own thread, so that it works wherever it is called from.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial
from typing import Any, Self, TypeVar

from tagflow.adapters.capability_probe import make_probe_key, probe, read_record, write_record
from tagflow.adapters.endpoint_errors import Place
from tagflow.adapters.endpoint_exchange import Exchange, work_off
from tagflow.adapters.endpoint_pacing import EndpointLimits, Gate
from tagflow.adapters.endpoint_till import Till
from tagflow.adapters.endpoint_wire import Wire, check_address
from tagflow.calls import Answer, Call, Capabilities, identify_model, make_key
from tagflow.errors import ConfigError, ModelError
from tagflow.ports import Journal, Manifest, Meter

T = TypeVar("T")

WRITERS = 8  # most threads that wait for a disk at once: ours
MOST_CHOICES = 128  # OpenAI's own; an endpoint that was seen to refuse so many gets fewer
LOOK = 0.2  # seconds between two looks for an interrupt: ours
LAST_WRITES = 10.0  # seconds for the journal's last writes after an interrupt: ours


class OpenAIEndpoint:
    """Asks one model at one endpoint; any thread may use it.

    What the endpoint can do is probed once and kept in the journal. The answer to a call is in the journal before its
    worker takes another call: a kill costs at most the requests in flight.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key: str,
        limits: EndpointLimits,
        journal: Journal,
        meter: Meter,
        manifest: Manifest,
        say: Callable[[str], object],
    ) -> None:
        """Keep where and how to ask; nothing is sent yet.

        Args:
            base_url: address up to and without ``/chat/completions``.
            model: the model's name at the endpoint.
            api_key: its key; empty where it needs none.
            limits: how it may be used.
            journal: keeps paid answers.
            meter: holds the budget.
            manifest: writes down what leaves.
            say: takes a line for people.

        Raises:
            ConfigError: the address is none, or there is no model.
        """
        if not model.strip():
            raise ConfigError("no model is named: set TAGFLOW_LLM_MODEL")
        self._address, host, hostname = check_address(base_url)
        self._model, self._limits, self._journal = model, limits, journal
        self._threads = ThreadPoolExecutor(min(limits.concurrency, WRITERS), "till")
        self._gate = Gate(limits, say)
        self._make_wire: Callable[[], Wire] = lambda: Wire(self._address, api_key, limits)
        self._wire: Wire | None = None
        self._place = Place(host, model, hostname)
        self._exchange_parts = (meter, manifest)
        self._exchange: Exchange | None = None
        self._capabilities: Capabilities | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting = threading.Lock()
        self._probing = asyncio.Lock()
        self._batches = 0
        self._most_choices = MOST_CHOICES
        self._over = ""

    @property
    def name(self) -> str:
        """The model's name as the deployment gives it."""
        return self._model

    @property
    def fingerprint(self) -> str:
        """Address and model."""
        return identify_model(self._address, self._model)

    @property
    def capabilities(self) -> Capabilities:
        """What the endpoint was seen to do; probed when first asked for."""
        if self._capabilities is None:
            found = self._run(self._prepare())
            if isinstance(found, Answer):
                raise ModelError(f"{self._place.host} could not be probed: {found.reason}", retryable=True)
        assert self._capabilities is not None
        return self._capabilities

    def answer(self, calls: Sequence[Call]) -> list[Answer]:
        """Return what came of each call, in order; the same question twice is asked once."""
        keys = [make_key(self._address, self._model, call) for call in calls]
        firsts: dict[str, Call] = {}
        for key, call in zip(keys, calls, strict=True):
            firsts.setdefault(key, call)
        answers = self._journal.find(list(firsts))
        missing = {key: call for key, call in firsts.items() if key not in answers}
        if missing:
            answers |= self._run(self._answer_all(missing))
        given, seen = [], set[str]()
        for key in keys:
            given.append(_repeat(answers[key]) if key in seen else answers[key])
            seen.add(key)
        self._journal.use([(key, call) for key, call, each in zip(keys, calls, given, strict=True) if each.stored])
        return given

    def is_kept(self, calls: Sequence[Call]) -> list[bool]:
        """Return for each call whether the journal holds its answer."""
        keys = [make_key(self._address, self._model, call) for call in calls]
        kept = self._journal.find(keys)
        return [key in kept for key in keys]

    def discard(self, calls: Sequence[Call]) -> None:
        """Drop the kept answers of calls, and those of their samples that were asked for one by one."""
        asked = [each for call in calls for each in (call, *(_single_out(call, n) for n in range(call.samples)))]
        self._journal.discard([make_key(self._address, self._model, call) for call in asked])

    async def _answer_all(self, calls: dict[str, Call]) -> dict[str, Answer]:
        prepared = await self._prepare()
        if isinstance(prepared, Answer):
            if prepared.outcome in ("rejected", "too_long"):
                raise ModelError(f"{self._place.host} does not even take a plain question: {prepared.reason}")
            outcome = prepared.outcome if prepared.outcome == "over_budget" else "stopped"
            return dict.fromkeys(calls, Answer(outcome, prepared.reason))
        answers: dict[str, Answer] = {}

        async def work(item: tuple[str, Call]) -> None:
            try:
                answers[item[0]] = await self._answer_one(prepared, *item)
            except Exception:
                self._gate.close("the run met an error")  # no retry of another call holds it up
                raise

        await work_off(calls.items(), work, self._limits.concurrency)
        if over := self._over or prepared.fatal:
            raise ModelError(over)
        return answers

    async def _answer_one(self, exchange: Exchange, key: str, call: Call) -> Answer:
        can = self._capabilities
        assert can is not None
        if call.samples == 1:
            return (await exchange.ask(call, can, keep=partial(self._keep, key, call)))[0]
        parts: list[Answer] = []
        if can.many and call.samples <= self._most_choices:
            answer, _ = await exchange.ask(call, can, keep=partial(self._keep, key, call))
            if answer.outcome not in ("rejected", "answered") or len(answer.samples) == call.samples:
                return answer
            parts.append(answer)
        for number in range(sum(len(part.samples) for part in parts), call.samples):
            parts.append(await self._ask_sample(exchange, call, can, number))
            if parts[0].outcome == "rejected" and parts[-1].samples:  # it was their number that was refused
                self._most_choices = min(self._most_choices, call.samples - 1)
            if parts[-1].outcome != "answered":
                return _join(parts)
        await exchange.till.run(self._keep, key, call, joined := _join(parts))
        return joined

    async def _ask_sample(self, exchange: Exchange, call: Call, can: Capabilities, number: int) -> Answer:
        single = _single_out(call, number)
        key = make_key(self._address, self._model, single)
        kept = await exchange.till.run(self._journal.find, [key])
        if key in kept:
            return kept[key]
        seed = number if can.seed else None
        return (await exchange.ask(single, can, seed, keep=partial(self._keep, key, single)))[0]

    def _keep(self, key: str, call: Call, answer: Answer) -> None:
        if len(answer.samples) == call.samples:
            self._journal.keep(key, call, answer)

    async def _prepare(self) -> Exchange | Answer:
        """Return the exchange once the endpoint's capabilities are known, or the answer that ended their probe."""
        if self._exchange is None:
            self._wire = self._make_wire()
            meter, manifest = self._exchange_parts
            till = Till(self._place.hostname, meter, manifest, self._threads)
            self._exchange = Exchange(self._place, self._limits, self._gate, self._wire, till)
        exchange = self._exchange
        if over := self._over or exchange.fatal:
            raise ModelError(over)
        async with self._probing:
            if self._capabilities is None:
                key = make_probe_key(self._address, self._model)
                kept = (await exchange.till.run(self._journal.find, [key])).get(key)
                if kept and (record := read_record(kept)):
                    self._capabilities, exchange.quirks = record
                    return exchange
                probed = await probe(exchange)
                if exchange.fatal:
                    raise ModelError(exchange.fatal)
                if probed.capabilities is None:
                    assert probed.failure is not None
                    return probed.failure
                self._capabilities = probed.capabilities
                if probed.sure:
                    await exchange.till.run(
                        self._journal.keep, key, *write_record(probed.capabilities, exchange.quirks)
                    )
        return exchange

    def stop(self) -> None:
        """Send nothing further; requests in flight end and are kept. Any thread may call it."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._gate.close, "the run was stopped")

    def give_up(self, reason: str) -> None:
        """Stop for good: every batch, this one and later ones, ends with the reason as its ``ModelError``."""
        self._over = reason
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._gate.close, reason)

    def close(self) -> None:
        """End the connections and the thread."""
        with self._starting:
            loop, self._loop = self._loop, None
        if loop is not None:
            if self._wire is not None:
                wait([asyncio.run_coroutine_threadsafe(self._wire.aclose(), loop)], self._limits.connect)
            loop.call_soon_threadsafe(loop.stop)
        self._threads.shutdown(wait=False)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something in the private loop; an interrupt lets the requests in flight end first."""
        loop = self._start()
        loop.call_soon_threadsafe(self._begin)  # before anything that stops it again
        futures = []
        try:
            futures.append(asyncio.run_coroutine_threadsafe(self._count(work), loop))
            while not futures[0].done():
                wait(futures, LOOK)  # a signal may have gone to another thread and is seen only between two waits
        except BaseException:
            self.stop()
            wait(futures, self._limits.deadline + LAST_WRITES)
            raise
        return futures[0].result()

    def _begin(self) -> None:
        if not self._batches:
            self._gate.reopen()
        self._batches += 1

    async def _count(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return await work
        finally:
            self._batches -= 1

    def _start(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=_turn, args=[self._loop], name="endpoint", daemon=True).start()
            return self._loop


def _turn(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.close()


def _single_out(call: Call, number: int) -> Call:
    """Return the call for one sample of several."""
    return replace(call, samples=1, version=f"{call.version} sample {number}")


def _repeat(answer: Answer) -> Answer:
    """Return an answer as the second call with the same question gets it: nothing more was spent."""
    return replace(answer, stored=answer.outcome == "answered", requests=0, money=0.0)


def _join(parts: Sequence[Answer]) -> Answer:
    """Return the answers of single samples as one; it is answered only if each of them is."""
    last = parts[-1]
    samples = tuple(sample for part in parts for sample in part.samples)
    paid = [part for part in parts if not part.stored]
    return Answer(
        last.outcome,
        last.reason,
        samples if last.outcome in ("answered", "truncated") else (),
        last.model,
        sum(part.prompt_tokens for part in parts),
        sum(part.completion_tokens for part in parts),
        sum(part.money for part in paid),
        sum(part.requests for part in paid),
        stored=not paid,
    )
