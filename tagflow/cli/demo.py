"""The demo: the shipped recipe videos through all assets, and ten of them to look at."""

import shutil
from importlib.resources import files
from pathlib import Path

import click
import polars as pl

from tagflow.adapters.data_folder import find_checkout, find_data
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.runs import run_dataset, show_outcome

DATASET = "recipes"
SHOWN = 10
TAGS_SHOWN = 4


def run_demo() -> None:
    """Run the demo dataset and show ten contents with their tags, confidences and reasons."""
    data = find_data()
    _ship_recipes(data)
    click.echo("Tagging 176 recipe videos offline: no key, no model hub.")
    run_dataset(DATASET)
    show_examples(DuckDBStore(data / "warehouse"), DATASET)
    show_outcome(DATASET)


def show_examples(store: DuckDBStore, name: str) -> None:
    """Print ten held-out contents (nothing was fitted on them) with their best tags."""
    clues = store.read(name, "raw_clues")
    tagged = store.read(name, "tagged_output")
    held_out = clues.filter(pl.col("split") == "test")
    seen = (held_out if len(held_out) >= SHOWN else clues).join(tagged, on="content_id", how="semi").sort("content_id")
    click.echo(f"\nTen of the {len(held_out)} held-out contents: nothing was learned from them.")
    for content_id, clue in seen.select("content_id", "clues").head(SHOWN).iter_rows():
        click.echo(f"\n  {clue[0]['text']}  ({content_id})")
        tags = tagged.filter(pl.col("content_id") == content_id).head(TAGS_SHOWN)
        for tag, confidence, band, evidence in tags.select("tag", "confidence", "band", "evidence").iter_rows():
            click.echo(f"    {confidence:.2f} {band:<6}  {tag:<20} {evidence}")
    click.echo("")


def _ship_recipes(data: Path) -> None:
    if (data / DATASET / "dataset.yaml").is_file():
        return
    checkout = find_checkout()
    source = checkout / "data" / DATASET if checkout else Path(str(files("tagflow.cli").joinpath(DATASET)))
    shutil.copytree(source, data / DATASET)
