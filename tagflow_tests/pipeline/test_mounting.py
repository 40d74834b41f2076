"""tagflow mounted in a code location that has assets, resources and an executor of its own."""

import re
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.errors import ConfigError
from tagflow.pipeline.definitions import build_defs
from tagflow.pipeline.resources import Workbench
from tagflow.schemas import ACROSS, ARTIFACTS
from tagflow_tests.conftest import CHECKOUT
from tagflow_tests.pipeline.runs import make_dataset, read_recipes

PREFIX = ["media", "tags"]
QUICK = {"vocabulary": {"min_contents": 2}, "evaluation": {"methods": []}, "encoder": {"model": "character-ngrams"}}


@dg.asset
def seven_things() -> int:
    """A foreign asset."""
    return 7


@dg.asset(key_prefix="theirs")
def knowledge_base() -> int:
    """A foreign asset whose key ends as one of ours does."""
    return 3


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


PRODUCTS = "shop/products"


class ParquetFolder(dg.ConfigurableIOManager):
    """A foreign IO manager, which stores frames in a folder of its own."""

    folder: str

    def handle_output(self, context: dg.OutputContext, obj: pl.DataFrame) -> None:
        """Write the frame."""
        obj.write_parquet(Path(self.folder) / f"{'.'.join(context.asset_key.path)}.parquet")

    def load_input(self, context: dg.InputContext) -> pl.DataFrame:
        """Read the frame."""
        return pl.read_parquet(Path(self.folder) / f"{'.'.join(context.asset_key.path)}.parquet")


@dg.asset(key=dg.AssetKey.from_user_string(PRODUCTS), io_manager_key="parquet")
def products(context: dg.AssetExecutionContext) -> pl.DataFrame:
    """A foreign asset with contents: as many recipes as the run's tag says."""
    return pl.DataFrame(read_recipes(int(context.run.tags["count"])))


def mount(data: Path, upstream: bool = True) -> dg.Definitions:
    """Return foreign definitions with ours in them."""
    foreign = dg.Definitions(
        assets=[seven_things, count_of_tagged, products, knowledge_base],
        asset_checks=[seven],
        jobs=[
            dg.define_asset_job("tag_dataset", selection=[seven_things]),
            dg.define_asset_job(
                "everything",
                selection=dg.AssetSelection.key_prefixes(PREFIX) | dg.AssetSelection.assets(knowledge_base),
                executor_def=dg.in_process_executor,
            ),
            dg.define_asset_job("restock", selection=[products], executor_def=dg.in_process_executor),
        ],
        sensors=[content_sensor],
        resources={
            "io_manager": dg.mem_io_manager,
            "parquet": ParquetFolder(folder=str(data.parent)),
            "database": "theirs",
        },
        executor=dg.multiprocess_executor,
    )
    ours = build_defs(PREFIX, {"workbench": Workbench(data=str(data))}, {PRODUCTS: "parquet"} if upstream else None)
    return dg.Definitions.merge(foreign, ours)


def test_keys_and_names_begin_with_the_prefix_and_meet_none_that_is_there(tmp_path: Path) -> None:
    definitions = mount(tmp_path)
    dg.Definitions.validate_loadable(definitions)
    graph = definitions.resolve_asset_graph()
    keys = {key.to_user_string() for key in graph.get_all_asset_keys()}
    assert keys == {
        "seven_things",
        "count_of_tagged",
        "theirs/knowledge_base",
        PRODUCTS,
        *(f"media/tags/{name}" for name in (*ARTIFACTS, *ACROSS)),
    }
    parents = {key.to_user_string() for key in graph.get(dg.AssetKey([*PREFIX, "filtered_tagset"])).parent_keys}
    assert parents == {"media/tags/raw_clues", "media/tags/candidate_tags"}
    assert {key.to_user_string() for key in graph.get(dg.AssetKey([*PREFIX, "raw_clues"])).parent_keys} == {PRODUCTS}
    repository = definitions.get_repository_def()
    assert {sensor.name for sensor in repository.sensor_defs} >= {
        "content_sensor",
        "media_tags_content_sensor",
        "media_tags_dataset_sensor",
        "media_tags_leaderboard_sensor",
        "media_tags_shop_products_sensor",
    }
    assert [schedule.name for schedule in repository.schedule_defs] == ["media_tags_refresh_schedule"]
    jobs = {"tag_dataset", "media_tags_tag_dataset", "media_tags_tag_new_contents", "media_tags_ask_again"}
    assert jobs <= {job.name for job in repository.get_all_jobs()}
    chosen = definitions.resolve_job_def("media_tags_tag_dataset").asset_layer.selected_asset_keys
    assert {key.to_user_string() for key in chosen} == {f"media/tags/{name}" for name in ARTIFACTS}


def test_a_dataset_of_an_upstream_asset_is_tagged_checked_and_added_to_when_the_asset_is_made_anew(
    tmp_path: Path,
) -> None:
    """The whole dataset by its job, then what is new by the job that the mounted sensor asks for."""
    data = tmp_path / "data"
    folder = make_dataset(data, "some", [], **QUICK, source={"asset": PRODUCTS})
    (folder / "contents" / "contents.jsonl").unlink()
    make_dataset(data, "other", read_recipes(2))
    definitions, store = mount(data), DuckDBStore(data / "warehouse")
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("datasets", ["some", "other"])

        sensor = definitions.resolve_sensor_def("media_tags_shop_products_sensor")
        assert sensor.job_name == "media_tags_tag_new_contents"

        def run(job: str, **given: Any) -> dg.ExecuteInProcessResult:
            result = definitions.resolve_job_def(job).execute_in_process(instance=instance, **given)
            assert result.success
            return result

        def ask() -> list[dg.RunRequest]:
            resources = {"workbench": Workbench(data=str(data))}
            with dg.build_sensor_context(instance=instance, definitions=definitions, resources=resources) as context:
                with partition_loading_context(dynamic_partitions_store=instance):
                    return list(sensor.evaluate_tick(context).run_requests or [])

        run("restock", tags={"count": "16"})
        assert ask() == []  # its first run is a person's
        result = run("everything", partition_key="some")
        assert result.output_for_node("theirs__knowledge_base") == 3
        evaluations = {check.check_name: check for check in result.get_asset_check_evaluations()}
        assert {"conservation", "declared_schema", "has_rows"} <= set(evaluations)
        assert evaluations["conservation"].passed
        assert set(evaluations["conservation"].asset_key.path[:2]) == set(PREFIX)
        run("restock", tags={"count": "17"})
        (request,) = ask()
        run(sensor.job_name, partition_key=request.partition_key)
        theirs = run("tag_dataset")
        assert theirs.output_for_node("seven_things") == 7
    status = store.read("some", "tagged_output", "content_status")
    assert set(status["content_id"]) == {str(record["id"]) for record in read_recipes(17)}
    assert set(store.read("some", "raw_clues")["source_file"]) == {PRODUCTS}


def test_an_asset_that_build_defs_was_not_told_of_is_named(tmp_path: Path) -> None:
    data = tmp_path / "data"
    folder = make_dataset(data, "some", [], source={"asset": PRODUCTS})
    (folder / "contents" / "contents.jsonl").unlink()
    job = mount(data, upstream=False).resolve_job_def("media_tags_tag_dataset")
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("datasets", ["some"])
        with pytest.raises(
            ConfigError, match=r"source\.asset shop/products is not among the upstream assets.*\(none\)"
        ):
            job.execute_in_process(instance=instance, partition_key="some")


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
