"""Replies of a fault server to the questions of tagging methods: a model that reads words, one that knows the labels.

Both tell a question by the form of answer that its instructions ask for.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from tagflow.adapters.local_engine import LocalEngine
from tagflow.calls import Call
from tagflow.knowledge.injection import Knowledge
from tagflow.prompts.rendering import load_prompts
from tagflow.tagmodels.interview import Interview
from tagflow.tagmodels.writing import Limits, Writer
from tagflow_tests.language_models import CANDIDATE, Silence, asked_tag, listed, shown
from tagflow_tests.llm.completions import Abilities, Completion
from tagflow_tests.llm.desk import MODEL, Desk, open_desk
from tagflow_tests.llm.fault_server import FaultServer, Reply
from tagflow_tests.llm.keyword_reader import DOUBT, SURE

REASON = "it says so"
MOST = 10  # names that it gives; a list without an end is no answer


class Reader:
    """Answers as if it knew which names fit a content; what it knows is for a subclass to say."""

    def name(self, clues: Mapping[str, str]) -> Sequence[str]:
        """Return the names of the tags that fit a content, the best first."""
        raise NotImplementedError

    def fits(self, name: str, clues: Mapping[str, str]) -> bool:
        """Return whether a tag fits a content."""
        return name.casefold() in [one.casefold() for one in self.name(clues)]

    def __call__(self, body: Mapping[str, Any]) -> str | Completion:
        """Answer a request."""
        said = tuple((message["role"], message["content"]) for message in body["messages"])
        call, system = Call("", "", said, 1), said[0][1]
        if "DATA" not in said[-1][1]:
            return "Yes"  # the probe
        clues = shown(call)
        if '"titles":' in system:
            wanted = re.search(r"You write (\d+) titles", system)
            names = [*listed(call).values()] or [" ".join(clues.values())] * int(wanted[1] if wanted else 1)
            return json.dumps({"titles": names})
        if '"rating":' in system:
            (name,) = (json.loads(one) for _, one in CANDIDATE.findall(said[-1][1].split("DATA ")[-1]))
            return json.dumps({"rating": 10 if self.fits(name, clues) else 0})
        reasons = {key: REASON for key in ("clues", "reasoning") if f'"{key}":' in system}
        if '"numbers":' in system:
            numbers = listed(call)
            order = [name.casefold() for name in self.name(clues)]
            chosen = sorted(
                (number for number, name in numbers.items() if self.fits(name, clues)),
                key=lambda number: order.index(numbers[number].casefold()),
            )
            return json.dumps({**reasons, "numbers": chosen})
        if '"tags":' in system:
            return json.dumps({**reasons, "tags": list(self.name(clues))[:MOST]})
        if '"clues":' in system:
            return json.dumps(reasons)
        odds = ("Yes", "No") if self.fits(asked_tag(call), clues) else ("No", "Yes")
        return Completion((odds[0],), first=((odds[0], SURE), (odds[1], DOUBT)))


class WordReader(Reader):
    """Finds fit whatever word the content says."""

    def name(self, clues: Mapping[str, str]) -> Sequence[str]:
        """Return the content's words of four letters or more, in order."""
        return [*dict.fromkeys(re.findall(r"[a-z]{4,}", " ".join(clues.values()).casefold()))]


class Oracle(Reader):
    """Knows the labels of each content by its title, and says something else of some of them."""

    def __init__(self, labels: Mapping[str, Sequence[str]], wrong: Mapping[str, Sequence[str]]) -> None:
        """Keep what it says: the labels, or what is wrong."""
        self._says = {**labels, **wrong}

    def name(self, clues: Mapping[str, str]) -> Sequence[str]:
        """Return what it says of the title; of a title that it does not know, nothing."""
        return self._says.get(clues.get("title", ""), [])


@contextmanager
def open_interview(
    reply: Reply, knowledge: Knowledge, abilities: Abilities | None = None, **limits: Any
) -> Iterator[tuple[Interview, Desk]]:
    """Open an interview whose model is a loopback server with this reply; and the desk behind it."""
    with FaultServer(reply, abilities=abilities) as server, open_desk(server) as desk:
        writer = Writer(load_prompts("en", "recipe videos"), Limits(**limits))
        parts = (lambda name: desk.endpoint, lambda: knowledge, writer, (LocalEngine(), Silence()))
        yield Interview(MODEL, *parts), desk
