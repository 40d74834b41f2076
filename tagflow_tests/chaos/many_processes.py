"""The code location with a process for each step, as a person might run it who changes the executor."""

import dagster as dg

from tagflow.pipeline.assets import ASSETS
from tagflow.pipeline.io_manager import ArtifactIOManager
from tagflow.pipeline.pages import IO_MANAGER
from tagflow.pipeline.resources import Workbench
from tagflow_tests.chaos.wiring import wire

wire()
workbench = Workbench()
defs = dg.Definitions(
    assets=ASSETS,
    resources={"workbench": workbench, IO_MANAGER: ArtifactIOManager(workbench=workbench)},
    executor=dg.multiprocess_executor,
)
