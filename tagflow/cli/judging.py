"""Asks people which tags of a blind, pooled sample are right, and measures every method by what they say."""

from datetime import UTC, datetime
from pathlib import Path

import click
import polars as pl

from tagflow.adapters.correction_file import read_answers
from tagflow.adapters.data_folder import find_data
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.adapters.judging_folder import (
    append_verdicts,
    check_draw,
    list_draws,
    read_pool,
    read_verdicts,
    write_pool,
)
from tagflow.cli.exports import write_frame
from tagflow.cli.layout import align, count
from tagflow.errors import ConfigError
from tagflow.evaluation.judging import draw_contents, make_sheet, measure_verdicts, pool_tags
from tagflow.knowledge.answers import judge_answers, leave_known
from tagflow.settings import load_settings
from tagflow.tagset.normalisation import normalise
from tagflow.tagset.vocabulary import resolve_tags

FORMATS = (".csv", ".jsonl")
SHOWN = ("precision", "recall", "F1", "Acc@1", "Acc@2", "Acc@3", "judged share")


def run_judge(name: str, file: Path, contents: int, depth: int, methods: str | None, draw: str) -> None:
    """Draw contents, run the methods on them, and write the sheet that a judge fills in.

    Raises:
        ConfigError: no such dataset or method, or a file that is neither CSV nor JSONL.
        ArtifactError: the dataset was not run yet.
    """
    data = find_data()
    settings = load_settings(data, name)  # before the slow imports: a misspelt key answers at once
    if file.suffix not in FORMATS:
        raise ConfigError(f"{file} must end in .csv or .jsonl, so that people can write their verdicts into it.")
    check_draw(draw)
    from tagflow.confidence.ranking import rank_tags
    from tagflow.pipeline.comparison import KNOWLEDGE, list_entrants, open_materials, run_methods
    from tagflow.pipeline.resources import Workbench
    from tagflow.taggers import list_compared, resolve_method

    own = settings.tagging.method
    asked = [one.strip() for one in methods.split(",")] if methods else [own, *list_compared(settings)]
    for method in asked:
        resolve_method(method)
    store = DuckDBStore(data / "warehouse")
    tables = {artifact: store.read_all(name, artifact) for artifact in KNOWLEDGE}
    dataset = Workbench(data=str(data), progress="terminal").open(name, click.echo, stage="judge")
    drawn = draw_contents(tables["raw_clues"]["raw_clues"], contents, draw)
    materials = open_materials(dataset, tables)
    placed = drawn.filter(pl.col("content_id").is_in(materials.space.contents["node"].implode()))
    runs = run_methods(dataset, list_entrants(dataset, asked), placed, materials)
    answers = {method: rank_tags(scored, settings, model=method, version="") for method, scored in runs.scored.items()}
    pool = pool_tags(answers, placed, depth)
    path = write_pool(data / name, draw, pool)
    sheet = make_sheet(pool, placed, draw)
    write_frame(sheet, file)
    held_out = placed.filter(pl.col("split") == "test").height
    told = "none of them was learned from" if held_out else "the tag set was built from them, since none is held out"
    click.echo(
        f"{count(len(placed), 'content')} drawn ({told}), {count(len(runs.scored), 'method')}, up to {depth} tags each."
    )
    for method, why in runs.obstacles.items():
        click.echo(f"  {method}: not run: {why}")
    click.echo(f"{count(len(sheet), 'tag')} to judge written to {file}; who gave which stands in {path}.")
    click.echo(
        'Write yes or no into the column "decision"; a row of your own adds a right tag that all of them missed.'
    )
    click.echo(f"Then: tagflow judge {name} --import {file}")


def run_import(name: str, file: Path, by: str | None) -> None:
    """Take the verdicts of a sheet; a row that cannot be taken is named and costs itself only.

    Raises:
        ConfigError: no such dataset, or the file as a whole cannot be read.
        ArtifactError: the dataset was not run yet.
    """
    data = find_data()
    load_settings(data, name)
    store = DuckDBStore(data / "warehouse")
    tagset, clues = store.read(name, "fused_tagset"), store.read(name, "raw_clues")
    answers, broken = read_answers(file)
    said = {"at": datetime.now(UTC).date().isoformat(), "by": by, "source": file.name}
    judged = judge_answers(answers, tagset, resolve_tags(tagset), clues["content_id"], said)
    new = leave_known(judged.accepted, read_verdicts(data / name))
    path = append_verdicts(data / name, new)
    right = int(new["right"].sum())
    click.echo(f"{count(len(new), 'verdict')} taken: {right:,} right, {len(new) - right:,} wrong, written to {path}.")
    for line, reason in sorted([*judged.refused.iter_rows(), *broken]):
        click.echo(f"  refused: {file}, line {line}: {reason}")
    if judged.blank:
        click.echo(f"{count(judged.blank, 'row')} without a decision.")
    click.echo(f"Nothing is learned from verdicts. The figures: tagflow judge {name}")


def show_judgement(name: str, draw: str | None) -> None:
    """Print every method's figures by the verdicts on a draw.

    Raises:
        ConfigError: no such dataset or draw, or there are several and none is named.
        ArtifactError: the dataset was not run yet.
    """
    data = find_data()
    load_settings(data, name)
    known = list_draws(data / name)
    if draw is None and len(known) > 1:
        raise ConfigError(f"Dataset {name!r} has several draws: name one with --draw ({', '.join(known)}).")
    pool = read_pool(data / name, draw or (known[0] if known else "first"))
    tagset = DuckDBStore(data / "warehouse").read(name, "fused_tagset")
    verdicts = resolve_verdicts(read_verdicts(data / name), pool, tagset)
    rows = measure_verdicts(pool, verdicts)
    if rows.is_empty():
        click.echo(f"Nobody judged this draw of {name} yet: fill in its sheet, then tagflow judge {name} --import FILE")
        return
    judged = verdicts["content_id"].n_unique()
    click.echo(f"{name}: {count(len(verdicts), 'verdict')} on {count(judged, 'content')}; 95 % intervals by bootstrap")
    values = {(row["method"], row["metric"]): row for row in rows.to_dicts()}
    order = sorted(set(rows["method"]), key=lambda method: (-(values[method, "F1"]["value"] or 0.0), method))
    table = [["method", *SHOWN], *([method, *(_tell(values[method, metric]) for metric in SHOWN)] for method in order)]
    click.echo("\n".join(align(table, indent=2)))


def resolve_verdicts(verdicts: pl.DataFrame, pool: pl.DataFrame, tagset: pl.DataFrame) -> pl.DataFrame:
    """Return content_id, tag_id and right of the verdicts on contents of the pool, the later one of a case.

    A tag is known by the name that the pool gives it, else by the tag set's names and aliases as they are now.

    Args:
        verdicts: ``CORRECTION`` columns, in the order of their file.
        pool: ``POOL`` columns.
        tagset: ``fused_tagset``.
    """
    pooled = pool.select(normalise(pl.col("tag")).alias("key"), "tag_id")
    names = pl.concat([pooled, resolve_tags(tagset).select("key", "tag_id")]).unique(
        "key", keep="first", maintain_order=True
    )
    keyed = verdicts.with_columns(key=normalise(pl.col("tag"))).join(names, on="key", maintain_order="left")
    asked = keyed.join(pool.select("content_id").unique(), on="content_id", how="semi", maintain_order="left")
    last = asked.unique(["content_id", "tag_id"], keep="last", maintain_order=True)
    return last.select("content_id", "tag_id", "right")


def _tell(row: dict[str, float | None]) -> str:
    if row["value"] is None:
        return "–"
    if row["low"] is None or row["high"] is None:
        return f"{row['value']:.3f}"
    return f"{row['value']:.3f} ({row['low']:.3f}–{row['high']:.3f})"
