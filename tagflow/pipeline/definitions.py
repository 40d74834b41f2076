"""The code location: assets, checks, sensors and the resources they get."""

import dagster as dg

from tagflow.pipeline.assets import ASSETS
from tagflow.pipeline.checks import CHECKS
from tagflow.pipeline.io_manager import ArtifactIOManager
from tagflow.pipeline.jobs import JOBS
from tagflow.pipeline.resources import Workbench
from tagflow.pipeline.schedules import refresh_schedule
from tagflow.pipeline.sensors import content_sensor, dataset_sensor


def build_definitions(workbench: Workbench) -> dg.Definitions:
    """Return the definitions on a workbench; tests and the command line bring their own."""
    return dg.Definitions(
        assets=ASSETS,
        asset_checks=CHECKS,
        sensors=[dataset_sensor, content_sensor],
        schedules=[refresh_schedule],
        jobs=JOBS,
        resources={"workbench": workbench, "io_manager": ArtifactIOManager(workbench=workbench)},
        executor=dg.in_process_executor,
    )


defs = build_definitions(Workbench())
