"""The leaderboard asset over all datasets: made from stored reports, by hand and after an evaluation."""

import dagster as dg
import polars as pl

from tagflow.pipeline.definitions import build_definitions
from tagflow.pipeline.leaderboard import TOGETHER, leaderboard, open_shared_store
from tagflow.pipeline.resources import Workbench
from tagflow.pipeline.selection import choose_assets


def test_the_reports_of_all_datasets_become_one_artifact_outside_the_datasets(demo_copy):
    workbench = Workbench(data=str(demo_copy.data))
    (demo_copy.data / "unrun").mkdir()
    (demo_copy.data / "unrun" / "dataset.yaml").write_text("language: en\n", encoding="utf-8")
    with dg.instance_for_test() as instance:
        result = dg.materialize([leaderboard], instance=instance, resources={"workbench": workbench})
    (event,) = result.asset_materializations_for_node("leaderboard")
    board = open_shared_store(workbench).read(TOGETHER, "leaderboard")
    report = demo_copy.store.read("recipes", "evaluation_report").filter(pl.col("metric") == "nDCG@10")
    assert board["dataset"].unique().to_list() == ["recipes"]
    assert dict(board.drop_nulls("ndcg10").select("method", "ndcg10").iter_rows()) == dict(
        report.drop_nulls("value").select("method", "value").iter_rows()
    )
    assert event.metadata["datasets"].value == 1
    assert "llm4tag" in event.metadata["nDCG@10"].value
    assert demo_copy.store.version("recipes").number == 1  # no dataset got a new version


def test_it_is_made_anew_after_a_report_and_is_part_of_no_datasets_run(tmp_path):
    definitions = build_definitions(Workbench(data=str(tmp_path)))
    assert dg.AssetKey("leaderboard") not in choose_assets(definitions, None)
    condition = leaderboard.automation_conditions_by_key[dg.AssetKey("leaderboard")]
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("datasets", ["shoes", "books"])
        first = dg.evaluate_automation_conditions(definitions, instance)
        assert first.get_num_requested(dg.AssetKey("leaderboard")) == 0
        instance.report_runless_asset_event(dg.AssetMaterialization("evaluation_report", partition="shoes"))
        second = dg.evaluate_automation_conditions(definitions, instance, cursor=first.cursor)
        assert second.get_num_requested(dg.AssetKey("leaderboard")) == 1
        third = dg.evaluate_automation_conditions(definitions, instance, cursor=second.cursor)
        assert third.get_num_requested(dg.AssetKey("leaderboard")) == 0
    assert condition is not None
