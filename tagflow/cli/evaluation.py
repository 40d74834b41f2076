"""Runs methods on the held-out contents of datasets and prints one leaderboard."""

import click
import polars as pl

from tagflow.adapters.data_folder import find_data
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.layout import align
from tagflow.cli.runs import run_dataset
from tagflow.settings import load_settings
from tagflow.tables import Tables

COLUMNS = ("nDCG@10", "P@1", "R@10", "F1@5", "PSP@5")
MARKS = {"better": "+", "worse": "-", "tied": "="}


def run_evaluate(names: tuple[str, ...], methods: str | None, *, ablations: bool) -> None:
    """Evaluate the datasets one by one and print their leaderboards.

    Raises:
        ConfigError: no such dataset or method.
        ArtifactError: a dataset was not run yet.
    """
    data = find_data()
    for name in names:
        load_settings(data, name)  # before the first one is run: a misspelt name answers at once
    from tagflow.pipeline.jobs import ABLATIONS, METHODS
    from tagflow.taggers import resolve_method

    asked = [method.strip() for method in methods.split(",")] if methods else []
    for method in asked:
        resolve_method(method)
    tags = ({METHODS: ",".join(asked)} if asked else {}) | ({ABLATIONS: "true"} if ablations else {})
    for name in names:
        run_dataset(name, "evaluation_report", tags=tags)
    store = DuckDBStore(data / "warehouse")
    for name in names:
        settings = load_settings(data, name)
        click.echo(
            "\n".join(["", *show_board(name, store.read_all(name, "evaluation_report"), settings.tagging.method)])
        )
    click.echo(
        "\n+ better, - worse, = tied with the method in use in nDCG@10: whether the paired 95 % interval of the "
        "difference leaves out 0."
    )


def show_board(name: str, tables: Tables, own: str) -> list[str]:
    """Return the leaderboard of a dataset as lines: methods by nDCG@10, best first, then those that were not run."""
    rows = {(row["method"], row["metric"]): row for row in tables["evaluation_report"].to_dicts()}
    measured = [method for method, metric in rows if metric == COLUMNS[0]]
    if not measured:
        why = next((row["note"] for (_, metric), row in rows.items() if metric == "evaluation"), "not evaluated")
        return [f"{name}: {why}"]
    verdicts = tables["differences"].filter(pl.col("metric") == COLUMNS[0])
    marks = {row["method"]: MARKS[row["verdict"]] for row in verdicts.to_dicts()}
    costs = {row["method"]: row for row in tables["method_costs"].to_dicts()}
    order = sorted(measured, key=lambda method: (-(rows[method, COLUMNS[0]]["value"] or 0.0), method))
    heading = ["method", "", f"{COLUMNS[0]} (95 %)", *COLUMNS[1:], "s / 1,000", "requests / 1,000", "unanswered"]
    table = [heading]
    for method in order:
        first = rows[method, COLUMNS[0]]
        shown = f"{first['value']:.3f} ({first['low']:.3f}–{first['high']:.3f})"
        others = [_tell(rows.get((method, metric))) for metric in COLUMNS[1:]]
        table.append(
            [method, "in use" if method == own else marks.get(method, ""), shown, *others, *_rate(costs.get(method))]
        )
    contents = rows[order[0], COLUMNS[0]]["n"]
    lines = [
        f"{name}: {contents:,} held-out contents with gold",
        *align(table, indent=2, right=range(3, len(heading) - 1)),
    ]
    lines += [f"  {method}: not run: {row['not_run']}" for method, row in costs.items() if row["not_run"]]
    fields = [
        [
            row["field"],
            f"{row['with_it'] - row['without_it']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})",
            f"{row['contents']:,} contents have it",
        ]
        for row in tables["clue_results"].to_dicts()
    ]
    return [*lines, *([f"  What each field earns {own} in {COLUMNS[0]}:", *align(fields, indent=4)] if fields else [])]


def _tell(row: dict[str, float] | None) -> str:
    return "–" if row is None or row["value"] is None else f"{row['value']:.3f}"


def _rate(cost: dict[str, float] | None) -> list[str]:
    """Return processor seconds and requests for a thousand contents, and the share without a usable answer."""
    if cost is None or not cost["contents"] or cost["seconds"] is None:
        return ["–", "–", "–"]
    scale = 1000 / cost["contents"]
    return [
        f"{cost['seconds'] * scale:,.1f}",
        f"{(cost['requests'] + cost['answers_reused']) * scale:,.0f}",
        f"{cost['unanswered'] / cost['contents']:.1%}",
    ]
