"""Asks a language model again for what it had no answer for, and for nothing else."""

import click
import polars as pl

from tagflow.adapters.data_folder import find_data
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.layout import count
from tagflow.errors import ArtifactError, ConfigError
from tagflow.schemas import CANDIDATE_TAGS, TAGGED_OUTPUT
from tagflow.settings import load_settings

ASKED_AGAIN = (CANDIDATE_TAGS, TAGGED_OUTPUT)
"""Artifacts that keep questions without an answer."""


def run_failed(name: str) -> bool:
    """Ask again for the contents without an answer, and say how they ended.

    Returns:
        Whether contents were tagged.

    Raises:
        ConfigError: no such dataset, or its brain is embedded.
        ArtifactError: it was not run yet.
    """
    from tagflow.cli.runs import run_dataset

    made = find_asked_again(name)
    store = DuckDBStore(find_data() / "warehouse")
    before = read_letters(store, name)
    if before.is_empty():
        click.echo(f"{name}: every question has its answer, so there is nothing to ask again.")
        return False
    tagged = run_dataset(name, ",".join(made), failed=True)
    click.echo(_tell_ends(store, name, before))
    if "propose" in before["task"]:
        click.echo(f"  what was proposed now joins the tag set at the next tagflow run {name}")
    return tagged


def find_asked_again(name: str) -> list[str]:
    """Return the artifacts that asked a language model for each content.

    Raises:
        ConfigError: no such dataset, or its brain is embedded.
        ArtifactError: it was not run yet.
    """
    data = find_data()
    where = data / name / "dataset.yaml"
    if load_settings(data, name).brain != "llm":
        raise ConfigError(
            f"{where}: brain is embedded, which answers every time: --failed-only is for a language model."
        )
    store = DuckDBStore(data / "warehouse")
    made = [artifact.name for artifact in ASKED_AGAIN if store.exists(name, artifact.name)]
    if not made:
        raise ArtifactError(f"{name} has not asked anything yet: run tagflow run {name}.")
    return made


def read_letters(store: DuckDBStore, name: str) -> pl.DataFrame:
    """Return every question without an answer (``DEAD_LETTERS`` columns), of proposing and of tagging."""
    parts = [TAGGED_OUTPUT.tables["dead_letters"].empty()]
    for artifact in ASKED_AGAIN:
        if store.exists(name, artifact.name):
            parts += [frame for key, frame in store.read_all(name, artifact.name).items() if key == "dead_letters"]
    return pl.concat(parts)


def _tell_ends(store: DuckDBStore, name: str, before: pl.DataFrame) -> str:
    """How the questions asked again ended, by task."""
    after = read_letters(store, name)
    said = []
    for (task,), asked in before.group_by("task", maintain_order=True):
        left = after.filter(pl.col("task") == task).join(asked, on="content_id", how="semi")
        said.append(f"{task}: {len(asked) - len(left):,} of {count(len(asked), 'content')} answered")
    return f"Asked again for {count(before['content_id'].n_unique(), 'content')}; {', '.join(said)}"
