"""What a run has made and not yet published: opened by its first step, published by the one that completes it."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from dagster import InputContext, OutputContext

from tagflow.adapters.dataset_lease import Lease
from tagflow.adapters.dataset_versions import DatasetVersions, Stage
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.adapters.parent_watch import watch_parent
from tagflow.adapters.version_manifest import Version
from tagflow.errors import ArtifactError
from tagflow.pipeline.datasets import DATASETS
from tagflow.pipeline.publishing import find_set_faults
from tagflow.schemas import ARTIFACTS
from tagflow.settings import load_settings

GRACE = 3.0
"""Ours: seconds in which a step whose run was killed still keeps the answers in flight, before it ends too."""

Context = dg.AssetExecutionContext | dg.AssetCheckExecutionContext | OutputContext | InputContext


@dataclass(frozen=True)
class Plan:
    """What a run is to make of one dataset.

    Attributes:
        run: its id.
        root: id of the run it is a retry of, or its own.
        dataset: the partition.
        artifacts: what its steps make.
        resumed: whether it goes on with what its root has made.
    """

    run: str
    root: str
    dataset: str
    artifacts: frozenset[str]
    resumed: bool


def read_plan(context: Context) -> Plan:
    """Return what the run of a step is to make."""
    if isinstance(context, OutputContext | InputContext):
        step = context.step_context
    else:
        step = context.get_step_execution_context()
    run, layer = step.dagster_run, step.job_def.asset_layer
    named = {key for key in layer.selected_asset_keys if key.path[-1] in ARTIFACTS}
    selected = {
        key for key in named if layer.asset_graph.get(key).partitions_def == DATASETS
    }  # others' may share a name
    steps = None if run.step_keys_to_execute is None else set(run.step_keys_to_execute)
    made = {key for key in selected if steps is None or str(layer.get_op_output_handle(key).node_handle) in steps}
    root = run.root_run_id or run.run_id
    names = frozenset(key.path[-1] for key in made)
    return Plan(run.run_id, root, step.partition_key, names, root != run.run_id and made < selected)


class StagedRun:
    """A run that writes a dataset: its lease, its stage, and a store that sees what it has made so far."""

    def __init__(self, root: Path, plan: Plan, kept: int, patience: float, say: Callable[[str], object]) -> None:
        """Take the lease and open the stage.

        Args:
            root: the warehouse.
            plan: what the run is to make.
            kept: versions to keep.
            patience: seconds to wait for another run of the dataset.
            say: takes lines for people.

        Raises:
            ArtifactError: another run holds the dataset, or what the run needs is gone.
        """
        self.plan, self._kept, self._say = plan, kept, say
        versions = DatasetVersions(root, plan.dataset)
        try:
            self._lease = Lease(versions.folder, plan.dataset, plan.run).acquire(patience, say)
            try:
                self.stage = Stage(versions, self._lease, plan.run, plan.root, resumed=plan.resumed)
            except BaseException:
                self._lease.release()
                raise
        except OSError as error:
            raise ArtifactError(
                f"Dataset {plan.dataset!r} cannot be written ({error.strerror or error} in {versions.folder}): check "
                f"the disk's space and rights; nothing was changed."
            ) from error
        self.store = DuckDBStore(root, self.stage)
        watch_parent(_end_alone)

    def publish_if_complete(self) -> Version | None:
        """Publish what is staged if nothing of the plan is missing; return the new version.

        Raises:
            ArtifactError: the staged set does not hold together, or the disk fails; the current version stays.
        """
        made = {Path(name).stem for name in self.stage.list_files()}
        if not self.plan.artifacts <= made:
            return None
        faults = find_set_faults(self.store, self.plan.dataset, made & set(ARTIFACTS))
        if faults:
            raise ArtifactError(
                f"Dataset {self.plan.dataset!r} stays as it was, for what run {self.plan.run} made does not hold "
                f"together: {'; '.join(faults)}."
            )
        try:
            version = self.stage.publish(self._kept)
        except OSError as error:
            raise ArtifactError(
                f"Dataset {self.plan.dataset!r} could not be published ({error.strerror or error} in "
                f"{self.stage.versions.folder}): nothing was changed."
            ) from error
        self._say(f"published as version {version.number}")
        return version

    def close(self) -> None:
        """Let other runs have the dataset; what is staged stays for a retry."""
        self._lease.release()


_RUNS: dict[tuple[Path, str, str], StagedRun] = {}
"""The runs of this process: Dagster makes several workbenches in one run, and they share its lease."""


class Runs:
    """The runs that one workbench has a part in; in practice one."""

    def __init__(self) -> None:
        """Begin with none."""
        self._plans: list[Plan] = []

    def join(self, context: Context, data: Path, patience: float) -> StagedRun | None:
        """Return the run of a step, opened by its first step; None if the run makes no artifact.

        Args:
            context: of the step.
            data: the data folder.
            patience: seconds to wait for another run of the dataset.

        Raises:
            ArtifactError: another run holds the dataset, or what the run needs is gone.
            ConfigError: there is no such dataset, or its files do not say what they may.
        """
        plan = read_plan(context)
        if not plan.artifacts:
            return None
        key = (_warehouse(data), plan.run, plan.dataset)
        if key not in _RUNS:
            kept = load_settings(data, plan.dataset).versions.keep
            _RUNS[key] = StagedRun(key[0], plan, kept, patience, context.log.info)
        if plan not in self._plans:
            self._plans.append(plan)
        return _RUNS[key]

    def store(self, data: Path) -> DuckDBStore:
        """Return the store of the run that was joined last; of no run, if none is open."""
        for plan in reversed(self._plans):
            if run := _RUNS.get((_warehouse(data), plan.run, plan.dataset)):
                return run.store
        return DuckDBStore(_warehouse(data))

    def leave(self, data: Path) -> None:
        """Close the runs that were joined."""
        while self._plans:
            plan = self._plans.pop()
            if run := _RUNS.pop((_warehouse(data), plan.run, plan.dataset), None):
                run.close()


def _end_alone() -> None:
    """A step whose run is gone would only hold the dataset; what it staged is there for a retry."""
    time.sleep(GRACE)
    os._exit(1)


def _warehouse(data: Path) -> Path:
    return data.absolute() / "warehouse"
