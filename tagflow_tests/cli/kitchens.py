"""A small dataset with a language model as its brain, and the loopback server that it asks."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tagflow.adapters.journal_file import NAME, JournalFile
from tagflow.adapters.response_journal import ResponseJournal
from tagflow.settings import NGRAMS
from tagflow_tests.llm.completions import Abilities
from tagflow_tests.llm.fault_server import FaultServer
from tagflow_tests.llm.keyword_reader import read_words
from tagflow_tests.pipeline.runs import make_dataset, read_recipes

KEY = "canary-key-0123456789"
COUNT = 24


@contextmanager
def open_kitchen(data: Path, latency: float = 0.0, name: str = "kitchen", **settings: object) -> Iterator[FaultServer]:
    """Write a dataset and serve its language model; the environment names both until the end."""
    vocabulary = {"source": "union", "min_contents": 2, "proposals": 8}
    quick = {"vocabulary": vocabulary, "evaluation": {"methods": []}, "encoder": {"model": NGRAMS}}
    chosen = {"brain": "llm", **quick, **settings}
    make_dataset(data, name, read_recipes(COUNT), **chosen)
    served = FaultServer(read_words, abilities=Abilities(models=("reader",), keys=(KEY,)), latency=latency)
    with pytest.MonkeyPatch.context() as patch, served as server:
        for variable, value in name_endpoint(server).items():
            patch.setenv(variable, value)
        patch.setenv("TAGFLOW_DATA", str(data))
        patch.delenv("DAGSTER_HOME", raising=False)
        yield server


def name_endpoint(server: FaultServer) -> Mapping[str, str]:
    """Return the variables that lead to the server."""
    said = {"BASE_URL": server.url, "MODEL": "reader", "API_KEY": KEY, "PRICE": "1/2 EUR"}
    return {f"TAGFLOW_LLM_{name}": value for name, value in said.items()}


def read_costs(data: Path) -> dict[tuple[str, str], int]:
    """Return the requests of every stage and task, over all runs."""
    with JournalFile(data / "warehouse" / NAME) as file:
        rows = ResponseJournal(file).costs().select("stage", "task", "requests").rows()
    counts: dict[tuple[str, str], int] = {}
    for stage, task, requests in rows:
        counts[stage, task] = counts.get((stage, task), 0) + requests
    return {key: count for key, count in counts.items() if count}
