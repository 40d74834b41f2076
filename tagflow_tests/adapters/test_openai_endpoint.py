"""What comes of calls: in order, once each, kept, paid for and accounted for; against a server that goes wrong."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tagflow.adapters.endpoint_pacing import EndpointLimits
from tagflow.adapters.openai_endpoint import OpenAIEndpoint
from tagflow.calls import Answer, Call
from tagflow.errors import ConfigError, ModelError
from tagflow_tests.llm.completions import Abilities, Completion
from tagflow_tests.llm.fault_server import FaultServer
from tagflow_tests.llm.faults import PASSING, Mix
from tagflow_tests.llm.ledgers import SmallJournal, SmallManifest, SmallMeter

KEY = "canary-key-0123456789"
SHORT = EndpointLimits(
    deadline=0.5, backoff=0.005, backoff_most=0.01, pause=0.01, pause_most=0.02, retry_after=1.0, body_bytes=1 << 20
)
PROBE = 5  # requests of the probe where nothing goes wrong


@dataclass
class Desk:
    """An endpoint with all that is counted about it."""

    server: FaultServer
    endpoint: OpenAIEndpoint
    journal: SmallJournal
    meter: SmallMeter
    manifest: SmallManifest
    said: list[str] = field(default_factory=list)

    def count(self) -> int:
        """Requests beyond the probe's."""
        return len(self.server.requests) - PROBE


@contextmanager
def open_desk(
    server: FaultServer,
    limits: EndpointLimits = SHORT,
    journal: SmallJournal | None = None,
    meter: SmallMeter | None = None,
    probed: bool = True,
) -> Iterator[Desk]:
    journal, meter, manifest, said = journal or SmallJournal(), meter or SmallMeter(), SmallManifest(), []
    endpoint = OpenAIEndpoint(server.url, "some-model", KEY, limits, journal, meter, manifest, said.append)
    with endpoint:
        if probed:
            assert endpoint.capabilities.logprobs
        yield Desk(server, endpoint, journal, meter, manifest, said)


def ask(number: int | str = 0, **changed: Any) -> Call:
    return replace(Call("propose", f"record {number}", (("user", f"question {number}"),), 20), **changed)


def test_answers_come_in_the_order_of_the_calls_whatever_the_order_of_the_replies() -> None:
    with (
        FaultServer(lambda body: body["messages"][0]["content"][::-1], latency=0.002) as server,
        open_desk(server) as desk,
    ):
        answers = desk.endpoint.answer([ask(number) for number in range(50)])
        assert [answer.samples[0].text for answer in answers] == [f"question {number}"[::-1] for number in range(50)]
        assert {(answer.outcome, answer.model, answer.requests) for answer in answers} == {
            ("answered", "some-model", 1)
        }
        assert server.most_in_flight <= 8
        assert desk.count() == 50
