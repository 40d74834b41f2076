"""Runs of the assets that ask, in this process, on one Dagster instance in memory."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from tagflow.cli.runs import QUIET
from tagflow.pipeline.datasets import register_datasets
from tagflow.pipeline.definitions import build_definitions
from tagflow.pipeline.resources import Workbench
from tagflow.pipeline.selection import choose_assets
from tagflow_tests.llm.fault_server import FaultServer

KEY = "canary-key-0123456789"
UP_TO_TAGS = "*tagged_output"

instance = dg.DagsterInstance.ephemeral()


def run_assets(data: Path, name: str, select: str = UP_TO_TAGS) -> dg.ExecuteInProcessResult:
    """Materialize the selected assets; an error is raised as it is."""
    definitions = build_definitions(Workbench(data=str(data)))
    register_datasets(instance, data)
    job = definitions.resolve_implicit_global_asset_job_def()
    chosen = choose_assets(definitions, select)
    return job.execute_in_process(instance=instance, partition_key=name, asset_selection=chosen, run_config=QUIET)


def run_job(data: Path, name: str, job: str = "ask_again") -> dg.ExecuteInProcessResult:
    """Run one of the project's jobs; without a name the one that asks again for what failed."""
    definitions = build_definitions(Workbench(data=str(data)))
    register_datasets(instance, data)
    return definitions.resolve_job_def(job).execute_in_process(instance=instance, partition_key=name, run_config=QUIET)


def name_endpoint(server: FaultServer, model: str, **said: object) -> dict[str, str]:
    """Return the environment that has a model of the server asked; what is None is left out."""
    named = {"base_url": server.url, "model": model, "api_key": KEY, "concurrency": 8, "deadline": 3, **said}
    return {f"TAGFLOW_LLM_{name.upper()}": str(value) for name, value in named.items() if value is not None}


@contextmanager
def environment(said: Mapping[str, str]) -> Iterator[None]:
    """Set the variables, and none of this prefix besides, until the block ends."""
    before = dict(os.environ)
    for name in before:
        if name.startswith("TAGFLOW_LLM_"):
            del os.environ[name]
    os.environ.update(said)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
