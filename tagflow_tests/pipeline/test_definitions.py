"""The code location as Dagster sees it: names, lineage, descriptions, new datasets."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from tagflow.pipeline.datasets import register_datasets
from tagflow.pipeline.definitions import build_definitions, defs
from tagflow.pipeline.resources import Workbench
from tagflow.pipeline.sensors import dataset_sensor
from tagflow.schemas import ACROSS, ARTIFACTS
from tagflow_tests.conftest import CHECKOUT
from tagflow_tests.pipeline.runs import make_dataset

LINEAGE = {
    "raw_clues": set(),
    "fitted_encoder": {"raw_clues"},
    "candidate_tags": {"raw_clues", "fitted_encoder"},
    "filtered_tagset": {"raw_clues", "candidate_tags"},
    "fused_tagset": {"raw_clues", "fitted_encoder", "candidate_tags", "filtered_tagset"},
    "content_tag_graph": {"raw_clues", "fitted_encoder", "candidate_tags", "fused_tagset"},
    "knowledge_base": {"raw_clues", "fused_tagset", "content_tag_graph"},
    "confidence_model": {"raw_clues", "fused_tagset", "content_tag_graph", "knowledge_base"},
    "tagged_output": {"raw_clues", "fused_tagset", "content_tag_graph", "knowledge_base", "confidence_model"},
    "emerging_tags": {
        "raw_clues",
        "candidate_tags",
        "filtered_tagset",
        "fused_tagset",
        "content_tag_graph",
        "confidence_model",
        "tagged_output",
    },
    "evaluation_report": {
        "raw_clues",
        "fused_tagset",
        "content_tag_graph",
        "knowledge_base",
        "confidence_model",
        "tagged_output",
    },
    "leaderboard": {"evaluation_report"},
}


def test_the_definitions_load() -> None:
    dg.Definitions.validate_loadable(defs)


def test_the_assets_are_the_declared_artifacts_with_this_lineage() -> None:
    graph = defs.resolve_asset_graph()
    keys = {key.to_user_string(): key for key in graph.get_all_asset_keys()}
    assert set(keys) == set(ARTIFACTS) | set(ACROSS) == set(LINEAGE)
    found = {name: {parent.to_user_string() for parent in graph.get(key).parent_keys} for name, key in keys.items()}
    assert found == LINEAGE


@pytest.mark.parametrize("name", ARTIFACTS)
def test_every_asset_shows_paper_section_columns_and_partitions(name: str) -> None:
    node = defs.resolve_asset_graph().get(dg.AssetKey(name))
    assert ARTIFACTS[name].source in (node.description or "")
    assert "§" in ARTIFACTS[name].source or ARTIFACTS[name].source == "ours"
    schema = node.metadata["dagster/column_schema"]
    assert [column.name for column in schema.columns] == list(ARTIFACTS[name].tables[name].columns)
    assert isinstance(node.partitions_def, dg.DynamicPartitionsDefinition)


def test_workspace_and_pyproject_name_the_same_code_location() -> None:
    (said,) = yaml.safe_load((CHECKOUT / "workspace.yaml").read_text(encoding="utf-8"))["load_from"]
    pyproject = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'module_name = "{said["python_module"]["module_name"]}"' in pyproject
    assert f'code_location_name = "{said["python_module"]["location_name"]}"' in pyproject


def test_dagsters_own_commands_find_the_code_location_in_the_checkout() -> None:
    environment = {key: value for key, value in os.environ.items() if key != "DAGSTER_HOME"}
    for words in (["-w", "workspace.yaml"], []):  # the second finds [tool.dagster] of pyproject.toml
        command = [sys.executable, "-m", "dagster", "definitions", "validate", *words]
        done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-2000:]


def test_a_new_folder_becomes_a_partition_without_a_code_change(tmp_path: Path) -> None:
    make_dataset(tmp_path, "first", [])
    with dg.instance_for_test() as instance:
        assert register_datasets(instance, tmp_path) == ["first"]
        make_dataset(tmp_path, "second", [])
        (tmp_path / "Not A Dataset").mkdir()
        resources = {"workbench": Workbench(data=str(tmp_path))}
        with dg.build_sensor_context(instance=instance, resources=resources) as context:
            (request,) = dataset_sensor(context).dynamic_partitions_requests
        assert request.partition_keys == ["second"]
        instance.add_dynamic_partitions("datasets", request.partition_keys)
        with dg.build_sensor_context(instance=instance, resources=resources) as context:
            assert isinstance(dataset_sensor(context), dg.SkipReason)


def test_definitions_can_be_built_on_another_workbench(tmp_path: Path) -> None:
    dg.Definitions.validate_loadable(build_definitions(Workbench(data=str(tmp_path))))
