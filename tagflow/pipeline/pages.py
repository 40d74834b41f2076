"""What an asset's page shows: description, columns, counts, a few rows, a picture, and what was dropped and why."""

import os
import time
from collections.abc import Callable
from typing import Any

import dagster as dg
import numpy as np
import polars as pl

from tagflow.evaluation.drift import measure_spread
from tagflow.pipeline.datasets import DATASETS
from tagflow.pipeline.resources import Dataset
from tagflow.report.sketches import sketch_bars, sketch_line, sketch_table
from tagflow.schemas import ACROSS, ARTIFACTS
from tagflow.tables import Tables

Result = dg.MaterializeResult[Tables]

OWNER = os.environ.get("TAGFLOW_OWNER", "team:tagging")
"""Whom a page names as owner: an e-mail address, or team: and a name."""

IO_MANAGER = "tagflow_io_manager"
"""The resource that stores artifacts; a code location that tagflow is mounted in may have an ``io_manager``."""

SHARE, ENTROPY = "share of the commonest tag", "entropy of the tags, bits"
"""Figures of every run that later ones are compared with."""

SAMPLE = 5  # ours: rows that are shown
SPOKEN = ("clues", "text")
"""What contents say is in the store alone: Dagster keeps its own copy of every page."""

SAMPLED = {
    "raw_clues": ("content_id", "labels", "split", "source_file"),
    "tagged_output": ("content_id", "tag", "confidence", "band"),
    "fused_tagset": ("tag", "frequency", "aliases", "origin"),
    "confidence_model": ("head", "feature", "mean", "coefficient"),
    "content_tag_graph": ("content_id", "target", "origin", "weight"),
    "emerging_tags": ("tag", "size", "cohesion", "nearest"),
    "filtered_tagset": ("tag", "contents", "verdict", "origin"),
    "evaluation_report": ("method", "metric", "value", "n"),
}
"""Columns of the sample rows, where all would not fit beside each other."""

BARS = 30  # ours
BOARD = ("nDCG@10", "P@1", "R@10")


def describe_asset(name: str, group: str, *kinds: str) -> dict[str, Any]:
    """Return the arguments of ``dg.asset`` for an artifact: all that its declared schema knows of it."""
    artifact = (ARTIFACTS | ACROSS)[name]
    table = artifact.tables[name]
    columns = [
        dg.TableColumn(
            column,
            str(declared.dtype),
            description=declared.meaning,
            constraints=dg.TableColumnConstraints(nullable=declared.nullable, unique=table.key == (column,)),
        )
        for column, declared in table.columns.items()
    ]
    beside = "".join(
        f"\n- `{side}`: {', '.join(artifact.tables[side].columns)}" for side in artifact.tables if side != name
    )
    return {
        "name": name,
        **({"partitions_def": DATASETS, "io_manager_key": IO_MANAGER} if name in ARTIFACTS else {}),
        "group_name": group,
        "kinds": {"duckdb", "polars", *kinds},
        "owners": [OWNER],
        "description": f"{artifact.meaning}\n\nSource: {artifact.source}."
        + (f"\n\nSide tables in the same file:\n{beside}" if beside else ""),
        "metadata": {
            "dagster/column_schema": dg.TableSchema(columns=columns),
            "dagster/table_name": f"{name}.duckdb: {name}",
        },
    }


def make_result(context: dg.AssetExecutionContext, dataset: Dataset, tables: Tables, **counts: Any) -> Result:  # noqa: ANN401 - metadata
    """Return what an asset materialized, with its page; says the counts on the way."""
    name = context.asset_key.path[-1]
    rows = len(tables[name])
    plain = {key: value for key, value in counts.items() if not isinstance(value, dg.MetadataValue)}
    said = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in plain.items())
    dataset.progress.say(f"{name:<18} {time.monotonic() - dataset.opened:6.1f} s  {rows:>9,} rows  {said}")
    took = dg.MetadataValue.float(round(time.monotonic() - dataset.opened, 1))
    shown = {"dagster/row_count": rows, **counts, "seconds": took, **draw_page(name, dataset.name, tables)}
    return dg.MaterializeResult(value=tables, metadata=shown)


def tell_spread(tagged: pl.DataFrame) -> dict[str, dg.MetadataValue]:
    """Return how the tags given are spread, as figures that Dagster plots over the runs."""
    spread = measure_spread(tagged)
    figures = {SHARE: spread.largest_share, ENTROPY: spread.entropy}
    return {name: dg.MetadataValue.float(round(figure, 4)) for name, figure in figures.items()}


def draw_page(name: str, dataset: str, tables: Tables) -> dict[str, dg.MetadataValue]:
    """Return the pictures and sample rows of an artifact, each short enough to be shown inline."""
    rows = tables[name].select(SAMPLED.get(name, tables[name].columns)).drop(SPOKEN, strict=False).head(SAMPLE)
    shown = {"sample rows": sketch_table(rows, SAMPLE) if len(rows) else "none: it has no rows"}
    for title, draw in PICTURES.get(name, {}).items():
        shown[title] = draw(tables, f"{dataset}: {title}")
    return {title: dg.MetadataValue.md(text) for title, text in shown.items()}


Draw = Callable[[Tables, str], str]


def _histogram(table: str, value: pl.Expr, spread: tuple[float, float] | None = None) -> Draw:
    def draw(tables: Tables, title: str) -> str:
        values = tables[table].select(value.cast(pl.Float64)).to_series().drop_nulls().to_numpy()
        low, high = spread or (0.0, max(float(values.max(initial=0)), 1.0))
        return sketch_bars(np.histogram(values, bins=BARS, range=(low, high))[0].tolist(), title, (low, high))

    return draw


def _counts(table: str, *columns: str) -> Draw:
    def draw(tables: Tables, title: str) -> str:
        if tables[table].is_empty():
            return "none"
        return sketch_table(
            tables[table].group_by(columns).agg(rows=pl.len().cast(pl.Int64)).sort(-pl.col("rows"), *columns), 8
        )

    return draw


def _examples(decision: str) -> Draw:
    def draw(tables: Tables, title: str) -> str:
        rows = tables["fusion_log"].filter(pl.col("decision") == decision).select("tag", "leader", "reason")
        return sketch_table(rows, SAMPLE) if len(rows) else "none"

    return draw


def _largest(table: str, column: str) -> Draw:
    """Bars of the values, largest first: the curve of popularity."""
    return lambda tables, title: sketch_bars(tables[table][column].sort(descending=True).head(240).to_list(), title)


def _reliability(table: str) -> Draw:
    def draw(tables: Tables, title: str) -> str:
        first = tables[table].filter(pl.col(tables[table].columns[0]) == pl.col(tables[table].columns[0]).first())
        return sketch_line(first["confidence"].to_list(), first["precision"].to_list(), title, diagonal=True)

    return draw


def _recall(tables: Tables, title: str) -> str:
    curve = tables["candidate_recall"].filter(pl.col("method") == pl.col("method").first())
    return sketch_line(curve["k"].to_list(), curve["recall"].to_list(), title)


def _cuts(tables: Tables, title: str) -> str:
    curve = tables["accuracy_coverage"].filter((pl.col("k") == 1) & (pl.col("tags") > 0)).sort("coverage")
    return sketch_line(curve["coverage"].to_list(), curve["accuracy"].to_list(), title)


def _thresholds(tables: Tables, title: str) -> str:
    return sketch_table(tables["thresholds"], 12) if len(tables["thresholds"]) else "none: nothing was fitted"


def _popularity(tables: Tables, title: str) -> str:
    ours = tables["popularity"].filter(pl.col("tag_set") == "tagflow")
    return sketch_bars(ours.sort("times")["tags"].head(60).to_list(), title)


def _effort(tables: Tables, title: str) -> str:
    ours = tables["least_effort"].filter(pl.col("tag_set") == "tagflow")
    return sketch_bars(ours.sort("tags")["contents"].to_list(), title)


def _leaderboard(tables: Tables, title: str) -> str:
    named = tables["evaluation_report"].filter(pl.col("metric").is_in(BOARD))
    if named.is_empty():
        return "not evaluated: nothing is held out"
    board = named.with_columns(pl.col("value").round(3)).pivot("metric", index="method", values="value")
    return sketch_table(board.select("method", *BOARD).sort(BOARD[0], descending=True), 8)


PICTURES: dict[str, dict[str, Draw]] = {
    "raw_clues": {
        "characters a content": _histogram("raw_clues", pl.col("text").str.len_chars()),
        "refused, and why": _counts("quarantine", "reason"),
    },
    "candidate_tags": {
        "scores of proposals": _histogram("candidate_tags", pl.col("score"), (0, 1)),
        "no answer, and why": _counts("dead_letters", "outcome", "reason"),
    },
    "filtered_tagset": {
        "contents a tag, most popular first": _largest("filtered_tagset", "contents"),
        "kept or dropped, and why": _counts("filtered_tagset", "verdict", "origin"),
    },
    "fused_tagset": {
        "contents a tag, most popular first": _largest("fused_tagset", "frequency"),
        "merged or refused, and by what": _counts("fusion_log", "decision", "by"),
        "some of the merges": _examples("merged"),
        "some of the refusals": _examples("refused"),
        "changed since the last tag set": _counts("vocabulary_changes", "change"),
    },
    "content_tag_graph": {
        "edges": _counts("content_tag_graph", "kind", "target_kind", "origin"),
        "cosines of similarity edges": _histogram(
            "content_tag_graph", pl.col("weight").filter(pl.col("kind") == "similarity"), (0, 1)
        ),
    },
    "knowledge_base": {"samples": _counts("knowledge_base", "right", "origin")},
    "confidence_model": {
        "confidence (across) against share right (up), cross-fitted": _reliability("reliability"),
        "confidence from which a target precision is reached": _thresholds,
    },
    "emerging_tags": {"groups of contents, by size": _largest("emerging_tags", "size")},
    "tagged_output": {
        "confidence of what is shown": _histogram("tagged_output", pl.col("confidence"), (0, 1)),
        "where every record ended": _counts("content_status", "status", "reason"),
    },
    "evaluation_report": {
        "methods": _leaderboard,
        "confidence (across) against share right (up), held out": _reliability("test_reliability"),
        "first tags right (up) against contents with a tag (across), by least confidence": _cuts,
        "gold found (up) among the first k candidates (across)": _recall,
        "tags used on 1, 2, 3 … contents": _popularity,
        "contents with 1, 2, 3 … tags": _effort,
    },
}
"""The pictures of each page: title and how it is drawn."""
