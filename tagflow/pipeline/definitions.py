"""The code location, of its own or mounted in another one: assets, checks, jobs, sensors and their resources."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from tagflow.pipeline.alerts import Send, make_alert_sensors
from tagflow.pipeline.assets import ASSETS
from tagflow.pipeline.checks import CHECKS
from tagflow.pipeline.io_manager import ArtifactIOManager
from tagflow.pipeline.jobs import make_jobs
from tagflow.pipeline.leaderboard import ASSETS_ACROSS, make_leaderboard_sensor
from tagflow.pipeline.reading import make_raw_clues
from tagflow.pipeline.resources import Workbench
from tagflow.pipeline.schedules import make_schedule
from tagflow.pipeline.sensors import make_sensors
from tagflow.pipeline.upstream import make_upstream_sensor
from tagflow.schemas import ACROSS, ARTIFACTS


def build_defs(
    key_prefix: str | Sequence[str] = (),
    resources: Mapping[str, Any] | None = None,
    upstream: Mapping[str, str] | None = None,
    alert: Send | None = None,
) -> dg.Definitions:
    """Return tagflow's definitions to be merged into those of another code location.

    Jobs run in one process each; where no job is named, such as for assets that are materialized by hand, the code
    location's own executor decides. Dagster wants the functions of all assets of a code location to have different
    names, whatever their keys.

    Args:
        key_prefix: what asset keys begin with, one part or several; names of jobs, sensors and the schedule begin with
            the same parts, joined by underscores.
        resources: in the place of the default ones: ``workbench`` (a ``Workbench``, which says where data lies) and
            ``tagflow_io_manager``.
        upstream: assets that a dataset may name as its ``source.asset``, by key (``shop/products``), and the resource
            key of the IO manager that loads each, such as ``io_manager``.
        alert: called with an ``Alert`` for each failed run and each check that did not pass.
    """
    prefix = [key_prefix] if isinstance(key_prefix, str) else list(key_prefix)
    jobs = make_jobs(prefix)
    moved = {dg.AssetKey(name): dg.AssetKey([*prefix, name]) for name in (*ARTIFACTS, *ACROSS)}
    made = [make_raw_clues(upstream), *ASSETS[1:]] if upstream else ASSETS
    given = dict(resources or {})
    workbench = given.setdefault("workbench", Workbench())
    given.setdefault("tagflow_io_manager", ArtifactIOManager(workbench=workbench))
    return dg.Definitions(
        assets=[asset.with_attributes(asset_key_replacements=moved) for asset in (*made, *ASSETS_ACROSS)],
        asset_checks=[check.with_attributes(asset_key_replacements=moved) for check in CHECKS],
        sensors=[
            *make_sensors(jobs, prefix),
            make_leaderboard_sensor(prefix),
            *(make_upstream_sensor(key, jobs, prefix) for key in upstream or ()),
            *(make_alert_sensors(alert, jobs, prefix) if alert else ()),
        ],
        schedules=[make_schedule(jobs, prefix)],
        jobs=list(jobs),
        resources=given,
    )


def build_definitions(workbench: Workbench) -> dg.Definitions:
    """Return the definitions of a code location of its own; tests and the command line bring their workbench."""
    own = dg.Definitions(executor=dg.in_process_executor)
    return dg.Definitions.merge(build_defs(resources={"workbench": workbench}), own)


defs = build_definitions(Workbench())
