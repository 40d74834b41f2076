"""Carries renames and merges of people over to what is stored, at once and without a tag model."""

import click
import polars as pl

from tagflow.adapters.data_folder import find_data
from tagflow.adapters.duckdb_store import DuckDBStore

WORDS = {"renamed": '"{other}" is called "{tag}" now', "merged": '"{tag}" is part of "{other}" now'}


def run_apply(name: str) -> None:
    """Carry them over, and say what became of the tags and of the contents.

    Raises:
        ConfigError: no such dataset, or its decisions contradict each other.
        ArtifactError: it was not run yet.
    """
    from tagflow.cli.runs import run_dataset
    from tagflow.pipeline.jobs import CARRIED, MODE

    run_dataset(name, ",".join(CARRIED), tags={MODE: "carry"})
    store = DuckDBStore(find_data() / "warehouse")
    changes = store.read(name, "fused_tagset", "vocabulary_changes")
    told = changes.filter(pl.col("change").is_in([*WORDS]))
    for change, tag, other in told.select("change", "tag", "other").iter_rows():
        click.echo(f"  {WORDS[change].format(tag=tag, other=other)}")
    click.echo("No tag model was asked." if len(told) else "There was nothing to carry over: no tag changed.")
    click.echo(f"What people decided besides renames and merges takes effect with tagflow run {name}.")
