"""The one asset over all datasets: every method on every dataset that was evaluated."""

from collections.abc import Sequence

import dagster as dg

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.evaluation.leaderboard import cross_methods, gather_leaderboard
from tagflow.pipeline.assets import evaluation_report
from tagflow.pipeline.jobs import prefix_name
from tagflow.pipeline.pages import describe_asset
from tagflow.pipeline.resources import Workbench
from tagflow.report.sketches import sketch_table
from tagflow.settings import list_datasets

TOGETHER = "all"
"""Folder of the warehouse, and partition in it, of what is over all datasets."""

METHODS = 30  # ours: methods on the page


def open_shared_store(workbench: Workbench) -> DuckDBStore:
    """Return the store of artifacts over all datasets, below the warehouse: ``all/dataset=all``."""
    return DuckDBStore(workbench.folder() / "warehouse" / TOGETHER)


@dg.asset(
    **describe_asset("leaderboard", "evaluation"),
    deps=[dg.AssetDep(evaluation_report, partition_mapping=dg.AllPartitionMapping())],
    automation_condition=dg.AutomationCondition.any_deps_updated() & ~dg.AutomationCondition.in_progress(),
)
def leaderboard(context: dg.AssetExecutionContext, workbench: Workbench) -> dg.MaterializeResult[None]:
    store = workbench.store()
    names = [name for name in list_datasets(workbench.folder()) if store.exists(name, "evaluation_report")]
    board = gather_leaderboard({name: store.read_all(name, "evaluation_report") for name in names})
    open_shared_store(workbench).write(TOGETHER, "leaderboard", {"leaderboard": board})
    crossed = cross_methods(board, "ndcg10")
    table = sketch_table(crossed, METHODS) if len(crossed) else "no dataset was evaluated"
    context.log.info(f"leaderboard: {len(crossed)} methods on {len(names)} datasets")
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(board),
            "datasets": len(names),
            "methods": len(crossed),
            "nDCG@10": dg.MetadataValue.md(table),
        }
    )


ASSETS_ACROSS = [leaderboard]


def make_leaderboard_sensor(prefix: Sequence[str] = ()) -> dg.AutomationConditionSensorDefinition:
    """Return what makes the leaderboard anew once a report changed; it asks no model and costs nothing."""
    return dg.AutomationConditionSensorDefinition(
        prefix_name(prefix, "leaderboard_sensor"),
        target=dg.AssetSelection.assets(dg.AssetKey([*prefix, "leaderboard"])),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Makes the leaderboard anew after a dataset was evaluated.",
    )
