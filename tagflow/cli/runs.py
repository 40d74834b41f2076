"""Runs the assets of one dataset in this process, recorded in the same Dagster instance as the UI's runs."""

import os
import warnings
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import click
import polars as pl
import yaml

from tagflow.adapters.data_folder import find_checkout, find_data
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.calls import WAITING
from tagflow.cli.layout import count
from tagflow.cli.retries import read_letters
from tagflow.settings import load_settings

REFUSALS_SHOWN = 3
REASONS_SHOWN = 3

STOPPED = "stopped; every artifact is as it was before or whole."
ANSWERS_KEPT = (
    "stopped; every artifact is as it was before or whole, and the answers so far are kept: the next run does not pay "
    "for them again."
)

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Run configuration under which Dagster writes nothing to the terminal."""

BASE_DIRS = ("storage", "local_artifact_storage", "compute_logs")
"""Blocks of dagster.yaml that say where things lie; inside a Dagster home the defaults are right."""


def prepare_home(data: Path) -> Path:
    """Make ``<data>/.dagster`` the Dagster home of this process and return it."""
    home = data / ".dagster"
    home.mkdir(parents=True, exist_ok=True)
    checkout = find_checkout()
    said = checkout / "dagster.yaml" if checkout else Path(str(files("tagflow.pipeline").joinpath("dagster.yaml")))
    settings = yaml.safe_load(said.read_text(encoding="utf-8"))
    text = yaml.safe_dump({key: value for key, value in settings.items() if key not in BASE_DIRS})
    path = home / "dagster.yaml"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def hush_dagster() -> None:
    """Keep Dagster's preview and supersession notes from the terminal: they are for us, not for users."""
    warnings.filterwarnings("ignore", module="dagster")


def run_dataset(
    name: str, select: str | None = None, *, failed: bool = False, tags: Mapping[str, str] | None = None
) -> bool:
    """Materialize the dataset's assets, or those the selection names, and say what each did.

    Args:
        name: the dataset.
        select: assets in Dagster's selection syntax; None is all.
        failed: whether only the contents without an answer are asked about again.
        tags: what else the run is told, by run tag.

    Returns:
        Whether contents were tagged.

    Raises:
        ConfigError: no such dataset, or the selection is not one.
    """
    data = find_data()
    settings = load_settings(data, name)  # before the slow imports: a misspelt key answers at once
    prepare_home(data)
    hush_dagster()
    import dagster as dg

    from tagflow.pipeline.datasets import register_datasets
    from tagflow.pipeline.definitions import build_definitions
    from tagflow.pipeline.jobs import MODE
    from tagflow.pipeline.resources import Workbench
    from tagflow.pipeline.selection import choose_assets

    definitions = build_definitions(Workbench(data=str(data), progress="terminal", patience=0))
    with dg.DagsterInstance.get() as instance:
        register_datasets(instance, data)
        job = definitions.resolve_implicit_global_asset_job_def()
        chosen = choose_assets(definitions, select)
        click.echo(f"{name}: {count(len(chosen), 'asset')}, from {data / name}")
        try:
            result = job.execute_in_process(
                instance=instance,
                partition_key=name,
                asset_selection=chosen,
                tags={**(tags or {}), **({MODE: "failed"} if failed else {})},
                run_config=QUIET,
            )
        except dg.DagsterExecutionInterruptedError as stop:
            raise KeyboardInterrupt(ANSWERS_KEPT if settings.brain == "llm" else STOPPED) from stop
        for check in result.get_asset_check_evaluations():
            if not check.passed:
                kind = "warning" if check.severity is dg.AssetCheckSeverity.WARN else "check failed"
                said = f": {check.description}" if check.description else ""
                click.echo(f"  {kind}: {check.check_name} of {check.asset_key.to_user_string()}{said}")
        if settings.brain == "llm":
            click.echo(f"Language model: {_tell_costs(data, name, result.run_id)}")
        return any(key.to_user_string() == "tagged_output" for key in chosen)


def show_outcome(name: str) -> None:
    """Say where the records ended and what to do next."""
    store = DuckDBStore(find_data() / "warehouse")
    status = store.read(name, "tagged_output", "content_status")
    counts = dict(status["status"].value_counts(sort=True).iter_rows())
    said = ", ".join(f"{count:,} {status.replace('_', ' ')}" for status, count in counts.items())
    click.echo(f"{len(status):,} records: {said}")
    refused = store.read(name, "raw_clues", "quarantine")
    for file, line, reason in refused.select("source_file", "line", "reason").head(REFUSALS_SHOWN).iter_rows():
        click.echo(f"  refused: {file}, line {line}: {reason}")
    if len(refused) > REFUSALS_SHOWN:
        click.echo(
            f"  and {len(refused) - REFUSALS_SHOWN:,} more: tagflow export {name} raw_clues.quarantine refused.csv"
        )
    _tell_letters(name, store)
    click.echo(
        f"Next: tagflow browse {name}, tagflow report {name}, tagflow export {name} tagged_output tags.jsonl, "
        f'tagflow tag {name} "some text", or tagflow ui'
    )


def _tell_costs(data: Path, name: str, run: str) -> str:
    from tagflow.cli.costs import read_books, sum_up

    runs, costs, _ = read_books(data, name)
    runs = runs.filter(pl.col("run") == run)
    if runs.is_empty():
        return "nothing was asked and nothing was paid"
    return f"{sum_up(costs.filter(pl.col('run') == run), runs)} (tagflow costs {name})"


def _tell_letters(name: str, store: DuckDBStore) -> None:
    """Say what has no answer and why, and how it is asked again."""
    letters = read_letters(store, name)
    if letters.is_empty():
        return
    waiting = letters.filter(pl.col("outcome").is_in(WAITING))["content_id"].n_unique()
    parts = {"wait": waiting, "have dead letters": letters["content_id"].n_unique() - waiting}
    said = " and ".join(f"{number:,} {what}" for what, number in parts.items() if number)
    click.echo(f"  without an answer: {said}; tagflow run {name} --failed-only asks again")
    reasons = (
        letters.group_by("task", "reason").agg(times=pl.len()).sort(-pl.col("times").cast(pl.Int64), "task", "reason")
    )
    for task, reason, times in reasons.head(REASONS_SHOWN).iter_rows():
        click.echo(f"    {times:,} of {task}: {reason}")
    if len(reasons) > REASONS_SHOWN:
        click.echo(f"    and more: tagflow export {name} tagged_output.dead_letters letters.csv")
