"""An endpoint before a fault server, with small limits and everything counted."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from tagflow.adapters.endpoint_pacing import EndpointLimits
from tagflow.adapters.openai_endpoint import OpenAIEndpoint
from tagflow.calls import Answer, Call
from tagflow_tests.llm.fault_server import FaultServer, Request
from tagflow_tests.llm.ledgers import SmallJournal, SmallManifest, SmallMeter

KEY = "canary-key-0123456789"
MODEL = "some-model"
PROBE = 5  # requests of the probe where nothing goes wrong: plain, log-probabilities, schema, twice several samples

SHORT = EndpointLimits(
    deadline=2.0, backoff=0.005, backoff_most=0.01, pause=0.01, pause_most=0.02, retry_after=1.0, body_bytes=1 << 20
)
"""Waits of milliseconds, so that tests need not wait."""


@dataclass
class Desk:
    """The parties to a call."""

    server: FaultServer
    endpoint: OpenAIEndpoint
    journal: SmallJournal
    meter: SmallMeter
    manifest: SmallManifest
    said: list[str]
    probed: int

    @property
    def requests(self) -> list[Request]:
        """What the server got beyond the first probe."""
        return self.server.requests[self.probed :]

    def ask_one(self, call: Call | None = None) -> Answer:
        (answer,) = self.endpoint.answer([call or ask()])
        return answer

    def check_books(self) -> None:
        """The meter and the manifest agree with the server's own account, and nothing is left open."""
        assert self.meter.open == 0
        assert self.meter.paid == len(self.server.paid)
        assert len(self.manifest.sent) == len(self.meter.booked) == len(self.server.requests)
        assert sum(size for _, _, size in self.manifest.sent) == sum(len(each.raw) for each in self.server.requests)


@contextmanager
def open_desk(
    server: FaultServer,
    journal: SmallJournal | None = None,
    meter: SmallMeter | None = None,
    probe: bool = True,
    url: str = "",
    **limits: Any,
) -> Iterator[Desk]:
    """Open an endpoint, probed unless it is said otherwise."""
    journal, meter, manifest, said = journal or SmallJournal(), meter or SmallMeter(), SmallManifest(), list[str]()
    parts = (replace(SHORT, **limits), journal, meter, manifest, said.append)
    with OpenAIEndpoint(url or server.url, MODEL, KEY, *parts) as endpoint:
        if probe:
            assert endpoint.capabilities is not None
        yield Desk(server, endpoint, journal, meter, manifest, said, len(server.requests))


def ask(number: int | str = 0, **changed: Any) -> Call:
    """Make a call of its own record and text."""
    return replace(Call("propose", f"record {number}", (("user", f"question {number}"),), 20), **changed)
