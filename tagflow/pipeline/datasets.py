"""One partition a dataset; a new folder in the data folder becomes one without a code change."""

from pathlib import Path

import dagster as dg

from tagflow.settings import list_datasets

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

DATASETS = dg.DynamicPartitionsDefinition(name="datasets")


def find_unregistered(instance: dg.DagsterInstance, data: Path) -> list[str]:
    """Return the datasets of the data folder that are no partition yet, sorted."""
    known = set(instance.get_dynamic_partitions("datasets"))
    return [name for name in list_datasets(data) if name not in known]


def register_datasets(instance: dg.DagsterInstance, data: Path) -> list[str]:
    """Make every dataset of the data folder a partition; returns the new ones. Partitions are never removed here."""
    new = find_unregistered(instance, data)
    instance.add_dynamic_partitions("datasets", new)
    return new


def find_unfinished(instance: dg.DagsterInstance, name: str) -> str | None:
    """Return the id of the latest run of the dataset that waits or is under way, or None."""
    asked = dg.RunsFilter(statuses=UNFINISHED, tags={"dagster/partition": name})
    runs = instance.get_runs(asked, limit=1)
    return runs[0].run_id if runs else None
