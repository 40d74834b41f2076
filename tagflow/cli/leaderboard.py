"""Prints every method on every evaluated dataset."""

import click
import polars as pl

from tagflow.adapters.data_folder import find_data
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.evaluation import MARKS
from tagflow.cli.layout import align
from tagflow.evaluation.leaderboard import OWN, cross_methods, gather_leaderboard
from tagflow.settings import list_datasets, load_settings

SIGNS = MARKS | {OWN: "*"}
SHOWN = {"ndcg10": "nDCG@10", "p1": "P@1"}
TOGETHER = 6  # datasets beside each other, so that a line fits a terminal


def run_leaderboard(names: tuple[str, ...], *, as_json: bool) -> None:
    """Print the board of the datasets named, or of all; reads reports and runs nothing.

    Raises:
        ConfigError: no such dataset.
        ArtifactError: a dataset that was named has no report.
    """
    data = find_data()
    for name in names:
        load_settings(data, name)
    store = DuckDBStore(data / "warehouse")
    chosen = names or [name for name in list_datasets(data) if store.exists(name, "evaluation_report")]
    board = gather_leaderboard({name: store.read_all(name, "evaluation_report") for name in chosen})
    if as_json:
        click.echo(board.write_json())
        return
    click.echo("\n".join(show_leaderboard(board)))


def show_leaderboard(board: pl.DataFrame) -> list[str]:
    """Return the board as lines: a table for each metric, methods by their mean; then what was not run, and why."""
    if board.drop_nulls("ndcg10").is_empty():
        return ["no dataset was evaluated: run tagflow evaluate NAME on one that has labels"]
    marks = {(row["method"], row["dataset"]): SIGNS.get(row["verdict"] or "", "") for row in board.to_dicts()}
    lines = []
    for column, metric in SHOWN.items():
        crossed = cross_methods(board, column)
        datasets = crossed.columns[3:]
        for start in range(0, len(datasets), TOGETHER):
            part = datasets[start : start + TOGETHER]
            lines += _show_part(crossed, part, metric, marks if column == "ndcg10" else {}, first=start == 0)
            lines.append("")
    lines.append("* the method in use; + better, - worse, = tied with it in nDCG@10 by the paired 95 % interval")
    measured = board.drop_nulls("ndcg10").select("method").unique()
    refused = board.drop_nulls("not_run").join(measured, on="method", how="anti").unique("method", maintain_order=True)
    return lines + [f"not run: {row['method']}: {row['not_run']}" for row in refused.sort("method").to_dicts()]


def _show_part(
    crossed: pl.DataFrame, datasets: list[str], metric: str, marks: dict[tuple[str, str], str], *, first: bool
) -> list[str]:
    heading = [metric, *(["mean"] if first else []), *datasets, ""]
    rows = [heading]
    for row in crossed.to_dicts():
        cells = [_tell(row[name]) + (marks.get((row["method"], name)) or " ") for name in datasets]
        mean = [f"{row['mean']:.3f} of {row['datasets']}"] if first else []
        rows.append([row["method"], *mean, *cells, ""])
    return align(rows, right=range(1, len(heading) - 1))


def _tell(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}".removeprefix("0")
