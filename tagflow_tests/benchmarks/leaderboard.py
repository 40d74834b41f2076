"""Every method on real datasets, as ``tagflow evaluate`` runs them, in one table.

Run ``python -m tagflow_tests.benchmarks.leaderboard FOLDER NAMES... --data KEPT``; FOLDER holds NAME.jsonl.gz, a
content a line with id, title, caption, ocr, asr and tags. Each set goes through all assets with the settings that
``tagflow init`` writes, its labels as the vocabulary. A set whose report is in the kept folder is not run again.
Methods that need a language model are listed with why they were not run, unless one is configured.
"""

import json
import time
from pathlib import Path

import click

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.leaderboard import show_leaderboard
from tagflow.cli.runs import QUIET, hush_dagster
from tagflow.evaluation.leaderboard import gather_leaderboard
from tagflow.pipeline.jobs import METHODS
from tagflow.taggers import list_methods
from tagflow_tests.benchmarks.quality import write_dataset
from tagflow_tests.pipeline.runs import materialize


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("names", nargs=-1, required=True)
@click.option("--data", required=True, type=click.Path(file_okay=False, path_type=Path), help="Kept data folder.")
def main(folder: Path, names: tuple[str, ...], data: Path) -> None:
    """Run every method on the sets named, one set after the other."""
    hush_dagster()
    store, minutes = DuckDBStore(data / "warehouse"), 0.0
    for name in names:
        if store.exists(name, "evaluation_report"):
            continue
        started = time.monotonic()
        write_dataset(folder / f"{name}.jsonl.gz", name, data)
        materialize(data, name, tags={METHODS: ",".join(list_methods())}, config=QUIET)
        minutes += (time.monotonic() - started) / 60
        click.echo(f"{name}: {time.monotonic() - started:.0f} s", err=True)
    board = gather_leaderboard({name: store.read_all(name, "evaluation_report") for name in names})
    click.echo("\n".join(show_leaderboard(board)))
    measured = board.drop_nulls("ndcg10")
    sets = {
        name: {row["method"]: round(row["ndcg10"], 4) for row in measured.filter(dataset=name).to_dicts()}
        for name in names
    }
    click.echo(json.dumps({"minutes": round(minutes, 1), "sets": sets}))


if __name__ == "__main__":
    main()
