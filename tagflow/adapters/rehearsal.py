"""A language model that is never asked: it counts what would be, so that a plan costs nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from tagflow.adapters.capability_probe import make_probe_key, read_record
from tagflow.adapters.endpoint_requests import estimate_prompt, find_length
from tagflow.adapters.endpoint_wire import check_address
from tagflow.adapters.response_journal import ResponseJournal
from tagflow.calls import Answer, Call, Capabilities, Sample, identify_model, make_key

ABLE = Capabilities(logprobs=True, schema="json_schema", many=True, seed=True, usage=True)
"""What an endpoint is taken to do that was never asked anything: what most do."""

FIRST_CHOICE = json.dumps({"numbers": [1]})
CHOOSES = ("select", "rerank")
UNSENT = Answer("stopped", "a rehearsal sends nothing")

REHEARSED = pl.Schema(
    {
        "stage": pl.String(),
        "task": pl.String(),
        "kept": pl.Boolean(),
        "times": pl.Int64(),
        "sure": pl.Boolean(),
        "requests": pl.Int64(),
        "prompt_tokens": pl.Int64(),
        "completion_tokens": pl.Int64(),
    }
)
"""One call: whether its answer is there already (kept, or to be paid for a call before), how many calls it stands for
at most, whether it is sure to be made, and the requests and tokens it takes, its answers as long as they may be."""


class RehearsedModel:
    """Stands in the place of an endpoint: what the journal holds is answered, everything else is counted.

    An unknown selection or order is answered with the first candidate alone, whose judgement then stands for one of
    each candidate; every other unknown call has no answer, which nobody asks about again.

    Attributes:
        stage: the asset that asks now.
        guessing: whether what is asked now stands in for questions that are not known yet.
    """

    def __init__(self, base_url: str, model: str, journal: ResponseJournal | None) -> None:
        """Look calls up in the journal of this endpoint and model; None where nothing was ever asked.

        Raises:
            ConfigError: the address is none.
        """
        self._address, self._model, self._journal = check_address(base_url)[0], model, journal
        self.stage, self.guessing = "", False
        self._rows: list[tuple[object, ...]] = []
        self._seen: set[str] = set()
        self._open: dict[tuple[str, str], int] = {}
        key = make_probe_key(self._address, self._model)
        kept = self._find([key]).get(key)
        self._probed = read_record(kept) if kept else None

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model

    @property
    def fingerprint(self) -> str:
        """The endpoint's own, so that proposals count as known or unknown as they will."""
        return identify_model(self._address, self._model)

    @property
    def probed(self) -> bool:
        """Whether it is known what the endpoint does."""
        return self._probed is not None

    @property
    def capabilities(self) -> Capabilities:
        """What the endpoint was seen to do, or what most do."""
        return self._probed[0] if self._probed else ABLE

    @property
    def calls(self) -> pl.DataFrame:
        """Every call so far (``REHEARSED``), in the order in which they came."""
        return pl.DataFrame(self._rows, schema=REHEARSED, orient="row")

    def answer(self, calls: Sequence[Call]) -> list[Answer]:
        """Return kept answers and stand-ins, in order."""
        keys = [make_key(self._address, self._model, call) for call in calls]
        known = self._find(keys)
        return [self._answer_one(key, call, known) for key, call in zip(keys, calls, strict=True)]

    def is_kept(self, calls: Sequence[Call]) -> list[bool]:
        """Return for each call whether the journal holds its answer."""
        keys = [make_key(self._address, self._model, call) for call in calls]
        kept = self._find(keys)
        return [key in kept for key in keys]

    def discard(self, calls: Sequence[Call]) -> None:
        """Leave the journal as it is: a plan changes nothing."""

    def _answer_one(self, key: str, call: Call, known: Mapping[str, Answer]) -> Answer:
        times = self._open.get((self.stage, call.record), 0) if call.task == "judge" else 0
        sure = not times and not self.guessing
        kept = (sure and key in known) or (not self.guessing and key in self._seen)
        self._seen.add(key)
        requests = 1 if call.samples == 1 or self.capabilities.many else call.samples
        length = find_length(call, self.capabilities) * call.samples
        tokens = estimate_prompt(call) * requests, length
        self._rows.append((self.stage, call.task, kept, times or 1, sure, requests, *tokens))
        if call.task == "select":
            self._open.pop((self.stage, call.record), None)
        if key in known and sure:
            return known[key]
        if call.task in CHOOSES:
            if call.task == "select":
                self._open[self.stage, call.record] = _count_candidates(call)
            return replace(UNSENT, outcome="answered", samples=(Sample(FIRST_CHOICE),) * call.samples)
        return UNSENT

    def _find(self, keys: Sequence[str]) -> dict[str, Answer]:
        return self._journal.find(keys) if self._journal else {}


def _count_candidates(call: Call) -> int:
    """A selection's schema lists the numbers that may be chosen."""
    return len(json.loads(call.schema or "{}")["properties"]["numbers"]["items"]["enum"])
