"""tagflow mounted in a code location that has assets, resources and an executor of its own."""

import re
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.pipeline.definitions import build_defs
from tagflow.pipeline.resources import Workbench
from tagflow.schemas import ARTIFACTS
from tagflow_tests.conftest import CHECKOUT
from tagflow_tests.pipeline.runs import make_dataset, read_recipes

PREFIX = ["media", "tags"]
QUICK = {"vocabulary": {"min_contents": 2}, "evaluation": {"methods": []}, "encoder": {"model": "character-ngrams"}}


@dg.asset
def seven_things() -> int:
    """A foreign asset."""
    return 7


@dg.asset(deps=[dg.AssetKey([*PREFIX, "tagged_output"])])
def count_of_tagged() -> None:
    """A foreign asset below one of ours."""


@dg.asset_check(asset=seven_things)
def seven(seven_things: int) -> dg.AssetCheckResult:
    """A foreign check, through the foreign IO manager."""
    return dg.AssetCheckResult(passed=seven_things == 7)


@dg.sensor(job_name="tag_dataset")
def content_sensor() -> dg.SkipReason:
    """A foreign sensor that has the name of one of ours."""
    return dg.SkipReason("nothing")


def mount(data: Path) -> dg.Definitions:
    """Return foreign definitions with ours in them."""
    foreign = dg.Definitions(
        assets=[seven_things, count_of_tagged],
        asset_checks=[seven],
        jobs=[dg.define_asset_job("tag_dataset", selection=[seven_things])],
        sensors=[content_sensor],
        resources={"io_manager": dg.mem_io_manager, "database": "theirs"},
        executor=dg.multiprocess_executor,
    )
    return dg.Definitions.merge(foreign, build_defs(PREFIX, {"workbench": Workbench(data=str(data))}))


def test_keys_and_names_begin_with_the_prefix_and_meet_none_that_is_there(tmp_path: Path) -> None:
    definitions = mount(tmp_path)
    dg.Definitions.validate_loadable(definitions)
    graph = definitions.resolve_asset_graph()
    keys = {key.to_user_string() for key in graph.get_all_asset_keys()}
    assert keys == {"seven_things", "count_of_tagged", *(f"media/tags/{name}" for name in ARTIFACTS)}
    parents = {key.to_user_string() for key in graph.get(dg.AssetKey([*PREFIX, "filtered_tagset"])).parent_keys}
    assert parents == {"media/tags/raw_clues", "media/tags/candidate_tags"}
    repository = definitions.get_repository_def()
    assert {sensor.name for sensor in repository.sensor_defs} >= {
        "content_sensor",
        "media_tags_content_sensor",
        "media_tags_dataset_sensor",
    }
    assert [schedule.name for schedule in repository.schedule_defs] == ["media_tags_refresh_schedule"]
    jobs = {"tag_dataset", "media_tags_tag_dataset", "media_tags_tag_new_contents", "media_tags_ask_again"}
    assert jobs <= {job.name for job in repository.get_all_jobs()}
    chosen = definitions.resolve_job_def("media_tags_tag_dataset").asset_layer.selected_asset_keys
    assert {key.to_user_string() for key in chosen} == {f"media/tags/{name}" for name in ARTIFACTS}


def test_a_mounted_partition_is_run_checked_and_added_to(tmp_path: Path) -> None:
    """The whole dataset by its job, then a new content by the other one, as the mounted sensor would start it."""
    folder = make_dataset(tmp_path, "some", read_recipes(16), **QUICK)
    definitions = mount(tmp_path)
    store = DuckDBStore(tmp_path / "warehouse")
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("datasets", ["some"])
        whole = definitions.resolve_job_def("media_tags_tag_dataset")
        result = whole.execute_in_process(instance=instance, partition_key="some")
        assert result.success
        evaluations = {check.check_name: check for check in result.get_asset_check_evaluations()}
        assert {"conservation", "declared_schema", "has_rows"} <= set(evaluations)
        assert evaluations["conservation"].passed
        assert set(evaluations["conservation"].asset_key.path[:2]) == set(PREFIX)
        (folder / "contents" / "new.jsonl").write_text('{"id": "new", "title": "Chicken soup with garlic"}\n')
        added = definitions.resolve_job_def("media_tags_tag_new_contents")
        assert added.execute_in_process(instance=instance, partition_key="some").success
        theirs = definitions.resolve_job_def("tag_dataset").execute_in_process(instance=instance)
        assert theirs.output_for_node("seven_things") == 7
    assert set(store.read("some", "tagged_output", "content_status")["content_id"]) >= {"new", "rv-001"}
    assert store.read("some", "raw_clues").filter(pl.col("content_id") == "new").height == 1


@pytest.mark.parametrize("prefix", ["media", ["media"]])
def test_a_prefix_of_one_part_may_be_a_word(prefix: str | list[str]) -> None:
    definitions = build_defs(prefix)
    assert "media_tag_dataset" in {job.name for job in definitions.get_repository_def().get_all_jobs()}
    assert dg.AssetKey(["media", "tagged_output"]) in definitions.resolve_asset_graph().get_all_asset_keys()


def test_the_readmes_example_can_be_loaded() -> None:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    (block,) = [block for block in re.findall(r"```python\n(.*?)```", readme, re.S) if "build_defs" in block]
    said: dict[str, dg.Definitions] = {}
    exec(block, said)
    dg.Definitions.validate_loadable(said["defs"])
    assert dg.AssetKey(["media", "tags", "tagged_output"]) in said["defs"].resolve_asset_graph().get_all_asset_keys()
