"""The code location: assets, checks, sensors and the resources they get."""

import dagster as dg

from tagflow.pipeline.assets import ASSETS
from tagflow.pipeline.checks import CHECKS
from tagflow.pipeline.io_manager import ArtifactIOManager
from tagflow.pipeline.resources import Workbench
from tagflow.pipeline.sensors import dataset_sensor


def build_definitions(workbench: Workbench) -> dg.Definitions:
    """Return the definitions on a workbench; tests and the command line bring their own."""
    return dg.Definitions(
        assets=ASSETS,
        asset_checks=CHECKS,
        sensors=[dataset_sensor],
        jobs=[dg.define_asset_job("tag_dataset", selection=dg.AssetSelection.all())],
        resources={"workbench": workbench, "io_manager": ArtifactIOManager(workbench=workbench)},
        executor=dg.in_process_executor,
    )


defs = build_definitions(Workbench())
