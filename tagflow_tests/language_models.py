"""Language models in memory that answer from what they are shown, for tests of prompts and tag models."""

import json
import re
from collections.abc import Callable, Sequence

import polars as pl

from tagflow.calls import Answer, Call, Capabilities, Sample
from tagflow.confidence.features import FEATURES

FRAME = re.compile(r"^<<<DATA ([0-9a-f]{16})\n(.*)\nDATA \1>>>$", re.S | re.M)
CANDIDATE = re.compile(r"^(\d+)\. (\".*?(?<!\\)\")", re.M)

EVERYTHING = Capabilities(logprobs=True, schema="json_schema", many=True, seed=True, usage=True)
WORDS_ONLY = Capabilities(logprobs=False, schema="prompt", many=False, seed=False, usage=False)


def shown(call: Call) -> dict[str, str]:
    """Return the one content of a call as the model may read it: the JSON object in the frame."""
    ((_, inside),) = FRAME.findall(call.messages[-1][1])
    said = json.loads(inside)
    assert isinstance(said, dict)
    return said


def listed(call: Call) -> dict[int, str]:
    """Return the candidates of a call by number."""
    before = call.messages[-1][1].split("<<<DATA")[0]
    return {int(number): json.loads(name) for number, name in CANDIDATE.findall(before)}


def asked_tag(call: Call) -> str:
    """Return the tag that a judge's call is about."""
    after = call.messages[-1][1].split(">>>\n")[-1]
    (name,) = re.findall(r"^(?:The tag: |标签：)(\".*\")$", after, re.M)
    tag = json.loads(name)
    assert isinstance(tag, str)
    return tag


def words(*texts: str, outcome: str = "answered") -> Answer:
    """Return an answer of these samples."""
    return Answer(outcome, samples=tuple(Sample(text) for text in texts), requests=1)


def numbers(*chosen: object) -> str:
    """Return a well-formed answer of numbers."""
    return json.dumps({"numbers": list(chosen)})


def first(*tokens: tuple[str, float]) -> Answer:
    """Return an answer of one token with log-probabilities."""
    return Answer("answered", samples=(Sample(tokens[0][0], tokens),), requests=1)


class ScriptedModel:
    """Answers each call with what ``script`` makes of it; ``asked`` keeps every call."""

    def __init__(self, script: Callable[[Call], Answer], capabilities: Capabilities = EVERYTHING) -> None:
        """Keep the script."""
        self._script, self.capabilities = script, capabilities
        self.name, self.fingerprint = "scripted", "scripted at nowhere"
        self.asked: list[Call] = []
        self.discarded: list[Call] = []
        self.kept: set[Call] = set()

    def answer(self, calls: Sequence[Call]) -> list[Answer]:
        """Answer in order."""
        self.asked += calls
        return [self._script(call) for call in calls]

    def is_kept(self, calls: Sequence[Call]) -> list[bool]:
        """Return which calls are among ``kept``."""
        return [call in self.kept for call in calls]

    def discard(self, calls: Sequence[Call]) -> None:
        """Keep which calls came to nothing."""
        self.discarded += calls


class Silence:
    """Progress that nobody looks at."""

    def say(self, line: str) -> None:
        """Say nothing."""

    def follow(self, batches, what, total, size):
        """Yield the batches."""
        return iter(batches)


def recalled(*pairs: tuple[str, str] | tuple[str, str, float]) -> pl.DataFrame:
    """Return recalled pairs (content, tag id, cosine 0.5 unless said) with every feature."""
    rows = [
        {**dict.fromkeys(FEATURES, 0.0), "content_id": content, "tag_id": tag, "cosine": (*cosine, 0.5)[0]}
        for content, tag, *cosine in pairs
    ]
    schema = {"content_id": pl.String, "tag_id": pl.String, **dict.fromkeys(FEATURES, pl.Float64)}
    return pl.DataFrame(rows, schema=schema).with_columns(annotated=pl.lit(False))
