"""Runs the assets in this process on a throw-away Dagster instance, as the UI would."""

import json
from pathlib import Path

import dagster as dg
import yaml

from tagflow.pipeline.datasets import register_datasets
from tagflow.pipeline.definitions import build_definitions
from tagflow.pipeline.resources import Workbench
from tagflow.pipeline.selection import choose_assets

RECIPES = Path(__file__).resolve().parents[2] / "data" / "recipes" / "contents" / "recipes.jsonl"


def materialize(
    data: Path,
    name: str,
    select: str | None = None,
    tags: dict[str, str] | None = None,
    config: dict[str, object] | None = None,
) -> dg.ExecuteInProcessResult:
    """Run the selected assets and their checks on one dataset; an error is raised as it is."""
    definitions = build_definitions(Workbench(data=str(data)))
    chosen = choose_assets(definitions, select)
    with dg.instance_for_test() as instance:
        register_datasets(instance, data)
        job = definitions.resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            instance=instance, partition_key=name, asset_selection=chosen, tags=tags, run_config=config
        )


def metadata_of(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, object]:
    """Return what the asset said of its materialization."""
    (event,) = result.asset_materializations_for_node(asset)
    return {name: value.value for name, value in event.metadata.items()}


def make_dataset(data: Path, name: str, records: list[dict[str, object]], **settings: object) -> Path:
    """Write a dataset folder of JSON lines and return it."""
    folder = data / name
    (folder / "contents").mkdir(parents=True)
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "contents" / "contents.jsonl").write_text(lines, encoding="utf-8")
    (folder / "dataset.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return folder


def read_recipes(count: int) -> list[dict[str, object]]:
    """Return the first recipe videos as records."""
    return [json.loads(line) for line in RECIPES.read_text(encoding="utf-8").splitlines()[:count]]
