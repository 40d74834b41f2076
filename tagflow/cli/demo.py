"""The demo: the shipped recipe videos through all assets, and ten of them to look at."""

import shutil
import tempfile
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
    ship_recipes(data)
    click.echo("Tagging the shipped recipe videos offline: no key, no model hub.")
    run_dataset(DATASET)
    show_examples(DuckDBStore(data / "warehouse"), DATASET)
    click.echo("")
    show_outcome(DATASET)


def show_examples(store: DuckDBStore, name: str) -> None:
    """Print ten contents with their best tags: held-out ones, on which nothing was fitted, where there are ten."""
    clues = store.read(name, "raw_clues").filter(pl.col("clues").list.len() > 0).sort("content_id")
    tagged = store.read(name, "tagged_output")
    held_out = clues.filter(pl.col("split") == "test")
    enough = len(held_out) >= SHOWN
    said = f"the {len(held_out)} held-out contents: nothing was learned from them" if enough else "the contents"
    click.echo(f"\nTen of {said}.")
    for content_id, clue in (held_out if enough else clues).select("content_id", "clues").head(SHOWN).iter_rows():
        click.echo(f"\n  {clue[0]['text']}  ({content_id})")
        tags = tagged.filter(pl.col("content_id") == content_id).head(TAGS_SHOWN)
        if not len(tags):
            click.echo("    no tag fits")
        for tag, confidence, band, evidence in tags.select("tag", "confidence", "band", "evidence").iter_rows():
            click.echo(f"    {confidence:.2f} {band:<6}  {tag:<20} {evidence}")


def ship_recipes(data: Path) -> None:
    """Copy the shipped dataset into the data folder, whole or not at all, unless it is there."""
    if (data / DATASET / "dataset.yaml").is_file():
        return
    checkout = find_checkout()
    source = checkout / "data" / DATASET if checkout else Path(str(files("tagflow.cli").joinpath(DATASET)))
    data.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f".{DATASET}-", dir=data))
    shutil.copytree(source, staged / DATASET)
    (staged / DATASET).rename(data / DATASET)
    staged.rmdir()
