"""Says what the runs of a dataset asked a language model, what that cost, and what left the machine."""

import json
from pathlib import Path
from typing import Any

import click
import polars as pl

from tagflow.adapters.data_folder import find_data
from tagflow.adapters.egress_manifest import EgressManifest
from tagflow.adapters.journal_file import NAME, JournalFile
from tagflow.adapters.response_journal import ResponseJournal
from tagflow.adapters.run_register import list_runs
from tagflow.cli.layout import align, count
from tagflow.errors import ConfigError
from tagflow.settings import load_settings

NOTHING = "{}: no run has asked a language model yet, and nothing was paid."
AMOUNTS = ("requests", "calls", "stored", "prompt_tokens", "completion_tokens", "money")
BEGIN = 8  # ours: characters of a run's id that are shown, as in the Dagster UI


def run_costs(name: str, run: str | None, *, egress: bool = False, as_json: bool = False) -> None:
    """Print what the runs cost, or one of them, and with ``egress`` what they sent.

    Raises:
        ConfigError: no such dataset or run.
        ArtifactError: the journal is damaged.
    """
    data = find_data()
    load_settings(data, name)
    runs, costs, sent = read_books(data, name, run)
    if as_json:
        facts: dict[str, Any] = {"dataset": name, "runs": runs.to_dicts(), "costs": costs.to_dicts()}
        facts |= {"egress": sent.to_dicts()} if egress else {}
        return click.echo(json.dumps(facts, ensure_ascii=False, indent=2))
    if runs.is_empty():
        return click.echo(NOTHING.format(name))
    for row in runs.iter_rows(named=True):
        said = costs.filter(pl.col("run") == row["run"])
        click.echo(f"run {row['run'][:BEGIN]} of {row['began'][:16].replace('T', ' ')} UTC")
        click.echo("\n".join(_tell(said, row["currency"])))
        if egress:
            click.echo("\n".join(_tell_egress(sent.filter(pl.col("run") == row["run"]))))
    if len(runs) > 1:
        click.echo(f"{count(len(runs), 'run')} together: {sum_up(costs, runs)}")


def read_books(data: Path, name: str, run: str | None = None) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return the runs of the dataset that asked anything, the oldest first, their costs, and what they sent.

    Args:
        data: the data folder.
        name: the dataset.
        run: the beginning of a run's id; None is every run.

    Raises:
        ConfigError: the dataset has no such run.
    """
    path = data / "warehouse" / NAME
    if not path.is_file():
        return _choose(pl.DataFrame(schema={"run": pl.String}), name, run), pl.DataFrame(), pl.DataFrame()
    with JournalFile(path) as file:
        costs = ResponseJournal(file).costs()
        runs = _choose(list_runs(file, name).join(costs, on="run", how="semi", maintain_order="left"), name, run)
        sent = [EgressManifest(file, run=one).read() for one in runs["run"]]
        chosen = costs.join(runs.with_row_index("place").select("run", "place"), on="run").sort("place")
        return runs, chosen.drop("place"), pl.concat([EgressManifest(file, run="").read(), *sent])


def sum_up(costs: pl.DataFrame, runs: pl.DataFrame) -> str:
    """Return the costs of the runs in one line: requests, tokens, money and kept answers."""
    total = costs.select(pl.sum(*AMOUNTS)).row(0, named=True)
    parts = [count(total["requests"], "request"), count(_add_tokens(total), "token")]
    priced = costs.join(runs.select("run", "currency"), on="run").filter(pl.col("currency") != "")
    money = priced.group_by("currency").agg(pl.sum("money")).sort("currency").rows()
    return ", ".join([*parts, *(f"{amount:.4f} {currency}" for currency, amount in money), _tell_kept(total["stored"])])


def _choose(runs: pl.DataFrame, name: str, run: str | None) -> pl.DataFrame:
    if run is None:
        return runs
    found = runs.filter(pl.col("run").str.starts_with(run))
    if len(found) != 1:
        said = "no run" if found.is_empty() else "several runs"
        raise ConfigError(f"{name} has {said} {run!r} that asked a language model: tagflow costs {name} lists them.")
    return found


def _tell(costs: pl.DataFrame, currency: str) -> list[str]:
    titles = ["", "", "requests", "calls", "kept", "tokens", currency or "money", ""]
    rows = [[row["stage"], row["task"], *_show(row, currency), ""] for row in costs.iter_rows(named=True)]
    total = costs.select(pl.sum(*AMOUNTS)).row(0, named=True)
    return align([titles, *rows, ["together", "", *_show(total, currency), ""]], indent=2, right=range(2, 7))


def _show(row: dict[str, Any], currency: str) -> list[str]:
    counts = [f"{row[name]:,}" for name in ("requests", "calls", "stored")]
    return [*counts, f"{_add_tokens(row):,}", f"{row['money']:.4f}" if currency else "-"]


def _tell_egress(sent: pl.DataFrame) -> list[str]:
    if sent.is_empty():
        return ["  Nothing left for a language model."]
    titles = ["sent to", "task", "records", "requests", "bytes", "masked", "fields"]
    rows = []
    for row in sent.iter_rows(named=True):
        counts = [f"{row[key]:,}" for key in ("records", "requests", "bytes", "redactions")]
        rows.append([row["host"], row["task"], *counts, ", ".join(row["fields"]) or "none"])
    return align([titles, *rows], indent=2, right=range(2, 6))


def _add_tokens(row: dict[str, Any]) -> int:
    return int(row["prompt_tokens"] + row["completion_tokens"])


def _tell_kept(stored: int) -> str:
    return f"{count(stored, 'kept answer')} used again for nothing" if stored else "no kept answer used"
