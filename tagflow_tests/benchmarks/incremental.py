"""New contents beside a full run: their share of CPU time and embeddings, and whether the edges are the same.

Run ``python -m tagflow_tests.benchmarks.incremental FOLDER NAME``; FOLDER holds NAME.jsonl.gz, a content a line. A
share of the contents, drawn by the seed, is kept back; the rest goes through every asset, then the kept back ones are
dropped into ``contents/`` and the job of the sensor runs, in the same warm process. Last the graph of all contents is
built anew with the same fit (tag set, encoder, edges of history) and its similarity edges and vectors are compared.
"""

import json
import tempfile
import time
from pathlib import Path

import click
import dagster as dg
import numpy as np
import polars as pl

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.runs import QUIET, hush_dagster
from tagflow.graph.insertion import build_graph
from tagflow.pipeline.datasets import register_datasets
from tagflow.pipeline.definitions import build_definitions
from tagflow.pipeline.resources import Workbench
from tagflow.tables import Tables
from tagflow_tests.benchmarks.quality import write_dataset
from tagflow_tests.pipeline.runs import metadata_of

WARM = 50  # contents of a first small run, so that imports and weights are loaded


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("name")
@click.option("--share", default=0.01, show_default=True, help="Contents kept back.")
@click.option("--limit", type=int, help="Contents at most, the first of the file.")
@click.option("--seed", default=0, show_default=True)
def main(folder: Path, name: str, share: float, limit: int | None, seed: int) -> None:
    """Measure what new contents of one set cost."""
    hush_dagster()
    with tempfile.TemporaryDirectory() as temporary:
        _print(_measure(folder / f"{name}.jsonl.gz", name, Path(temporary), share, limit, seed))


def _measure(file: Path, name: str, data: Path, share: float, limit: int | None, seed: int) -> dict[str, object]:
    write_dataset(file, name, data)
    path = data / name / "contents" / "contents.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)[:limit]
    kept_back = set(np.random.default_rng(seed).choice(len(lines), max(1, round(share * len(lines))), replace=False))
    path.write_text("".join(lines[:WARM]), encoding="utf-8")
    _run(data, name, "tag_dataset")
    path.write_text("".join(line for place, line in enumerate(lines) if place not in kept_back), encoding="utf-8")
    full, full_spent = _run(data, name, "tag_dataset")
    dropped = data / name / "contents" / "later.jsonl"
    dropped.write_text("".join(lines[place] for place in sorted(kept_back)), encoding="utf-8")
    added, added_spent = _run(data, name, "tag_new_contents")
    computed = metadata_of(added, "content_tag_graph")["vectors_computed"]
    store = DuckDBStore(data / "warehouse")
    assert metadata_of(added, "tagged_output")["tagged_anew"] == len(kept_back)
    return {
        "contents": len(lines),
        "new": len(kept_back),
        "embedded": computed,
        "full": full_spent,
        "added": added_spent,
        "identical": _compare(data, name, store),
        "full_steps": _list_steps(full),
        "added_steps": _list_steps(added),
    }


def _run(data: Path, name: str, job: str) -> tuple[dg.ExecuteInProcessResult, float]:
    """Run a job of the dataset in this process; also the CPU seconds of all its threads."""
    with dg.instance_for_test() as instance:
        register_datasets(instance, data)
        resolved = build_definitions(Workbench(data=str(data))).resolve_job_def(job)
        start = time.process_time()
        result = resolved.execute_in_process(instance=instance, partition_key=name, run_config=QUIET)
        return result, time.process_time() - start


def _list_steps(result: dg.ExecuteInProcessResult) -> dict[str, float]:
    """Wall seconds of each asset."""
    ends = [event for event in result.all_events if event.event_type_value == "STEP_SUCCESS"]
    return {
        str(event.step_key): float(event.event_specific_data.duration_ms) / 1000  # type: ignore[union-attr]
        for event in ends
    }


def _compare(data: Path, name: str, store: DuckDBStore) -> bool:
    """Whether the graph is the one that would be built of all contents with the same fit."""
    stored = store.read_all(name, "content_tag_graph")
    dataset = Workbench(data=str(data)).open(name, lambda line: None)
    history = stored["content_tag_graph"].filter(pl.col("kind") == "deterministic")
    tools = (dataset.encoder, dataset.build_index, dataset.settings.graph, dataset.thresholds, dataset.lexicon)
    contents, tagset = store.read(name, "raw_clues"), store.read(name, "fused_tagset")
    return _describe(build_graph(contents, history, tagset, *tools)) == _describe(stored)


def _describe(graph: Tables) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    edges = graph["content_tag_graph"].filter(pl.col("kind") == "similarity")
    vectors = graph["vectors"].with_columns(pl.col("vector").arr.to_list())
    return edges.sort(edges.columns).rows(), vectors.sort("node_kind", "node").rows()


def _print(found: dict[str, object]) -> None:
    click.echo(f"{'wall seconds':20}{'full run':>10}{'new only':>10}")
    full, added = found["full_steps"], found["added_steps"]
    assert isinstance(full, dict)
    assert isinstance(added, dict)
    for step, seconds in full.items():
        click.echo(f"{step:20}{seconds:10.2f}{f'{added[step]:.2f}' if step in added else '-':>10}")
    click.echo(f"{'CPU seconds':20}{found['full']:10.2f}{found['added']:10.2f}")
    click.echo(f"{found['new']} of {found['contents']} contents are new; embedded: {found['embedded']}")
    summary = {
        "cpu_share": round(float(str(found["added"])) / float(str(found["full"])), 4),
        "embedding_share": round(int(str(found["embedded"])) / int(str(found["contents"])), 4),
        "identical": found["identical"],
    }
    click.echo(json.dumps(summary))


if __name__ == "__main__":
    main()
