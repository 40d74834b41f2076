"""What notices new datasets, and new contents of known ones."""

import json
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import dagster as dg
import polars as pl

from tagflow.adapters.content_folder import FolderState, look_at_dataset
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.errors import ArtifactError
from tagflow.pipeline.budget import default_status
from tagflow.pipeline.datasets import DATASETS, find_unfinished, find_unregistered
from tagflow.pipeline.jobs import JOBS, Jobs, prefix_name
from tagflow.pipeline.resources import Workbench
from tagflow.settings import list_datasets

MARGIN = 1.0  # ours: seconds that a file's clock may be off
PAUSES = (60.0, 600.0, 3600.0)  # ours: seconds before what failed is asked for once more, three times


class Watch(NamedTuple):
    """What is remembered of a dataset whose files are not tagged as they lie there.

    Attributes:
        digest: of its files at the last look.
        asked: how often a run was asked for since they look like this.
        asked_at: when that was last, in seconds since 1970.
    """

    digest: str
    asked: int = 0
    asked_at: float = 0.0


def look_for_datasets(context: dg.SensorEvaluationContext, workbench: Workbench) -> dg.SensorResult | dg.SkipReason:
    """Make every new folder with a dataset.yaml a partition; it starts nothing."""
    new = find_unregistered(context.instance, workbench.folder())
    if not new:
        return dg.SkipReason(f"no new dataset in {workbench.folder()}")
    return dg.SensorResult(dynamic_partitions_requests=[DATASETS.build_add_request(new)])


def look_for_contents(context: dg.SensorEvaluationContext, workbench: Workbench) -> dg.SensorResult | dg.SkipReason:
    """Ask to tag what is new where contents or corrections of a tagged dataset changed; it looks at no file's inside.

    What lies in the folder is compared with what was there when it was last read, which the dataset's own artifact
    says: a lost cursor or Dagster home loses nothing, and any number of looks asks for one run. A change is taken when
    two looks see the same, or at once where a file of it was not written since the last look, so that a folder that is
    filled without a pause is not put off for ever. A file that is read half is another one when it is whole, and is
    read again. A run that failed is asked for three more times, with growing pauses, and then only when the files
    change. A dataset that was never run is left alone: its first run is a person's. One that cannot be looked at stops
    no other.
    """
    now, (looked, watches) = time.time(), read_cursor(context.cursor)
    known, store = set(context.instance.get_dynamic_partitions("datasets")), workbench.store()
    asked, said, kept = [], [], {}
    for name in list_datasets(workbench.folder()):
        try:
            if name not in known or not store.exists(name, "tagged_output"):
                continue
            files = look_at_dataset(workbench.folder() / name)
            version, changed = find_difference(store, name, files)
            if version is None:
                continue
            quiet = looked is not None and is_settled(changed, looked - MARGIN)
            busy = bool(find_unfinished(context.instance, name))
            watch, key, why = decide(watches.get(name), files, now, quiet=quiet, busy=busy)
            kept[name] = watch
            said.append(f"{name}: {why}")
            if key:
                asked.append(dg.RunRequest(run_key=f"{name}: {key} on {version}", partition_key=name))
        except Exception as error:  # one dataset, whatever is wrong with it, stops no other
            context.log.warning(f"{name} cannot be looked at: {error}")
            said.append(f"{name}: cannot be looked at")
            kept |= {name: watches[name]} if name in watches else {}
    cursor = json.dumps({"looked": now, "datasets": kept}, sort_keys=True)
    reason = None if asked else "; ".join(said) or "no file changed"
    return dg.SensorResult(run_requests=asked, cursor=cursor, skip_reason=reason)


def find_difference(store: DuckDBStore, name: str, files: FolderState) -> tuple[str | None, pl.DataFrame]:
    """Return when the contents that are stored were read (None if the files are the same), and what is new or changed.

    Args:
        store: the store.
        name: the dataset.
        files: as they are now.
    """
    version = store.describe(name, "raw_clues")["written_at"]
    try:
        read = store.read(name, "raw_clues", "source_files")
    except ArtifactError:  # stored before files were noted
        return version, files.files
    changed = files.files.join(read, on=read.columns, how="anti")
    return (None if read.equals(files.files) else version), changed


def is_settled(changed: pl.DataFrame, looked: float) -> bool:
    """Return whether one of the files that changed was not written since, or all that happened is that files went.

    Args:
        changed: rows of ``source_files``.
        looked: seconds since 1970.
    """
    return changed.is_empty() or changed.filter(pl.col("modified") < int(looked * 1e9)).height > 0


def decide(
    watch: Watch | None, files: FolderState, now: float, *, quiet: bool, busy: bool
) -> tuple[Watch, str | None, str]:
    """Return what to remember, what to ask for (None: nothing), and why, of a dataset whose files changed.

    Args:
        watch: what was remembered.
        files: as they are now.
        now: seconds since 1970; a clock that went back ends a pause.
        quiet: whether something of the change was there, as it is, at the last look or before.
        busy: whether a run of the dataset is waiting or under way.
    """
    if watch is None or watch.digest != files.digest:
        watch, stable = Watch(files.digest), quiet
    else:
        stable = True
    if files.files.is_empty():
        return watch, None, "contents/ is empty or missing; nothing is taken away for that"
    if not stable:
        return watch, None, "changed since the last look, so the next one decides"
    if busy:
        return watch, None, "changed, and a run of it is still in progress"
    if watch.asked > len(PAUSES):
        return watch, None, f"asked for {watch.asked} times and not done; it waits until a file changes"
    if watch.asked and 0 <= now - watch.asked_at < PAUSES[watch.asked - 1]:
        return watch, None, f"asked for {watch.asked} times and not done; it is asked for again later"
    watch = Watch(files.digest, watch.asked + 1, now)
    return watch, f"{files.digest} #{watch.asked}", "files changed"


def read_cursor(cursor: str | None) -> tuple[float | None, dict[str, Watch]]:
    """Return when the sensor last looked and what it remembers; nothing from a cursor that is not one of its own."""
    try:
        said: Any = json.loads(cursor or "{}")
        watches = {name: Watch(str(one[0]), int(one[1]), float(one[2])) for name, one in said["datasets"].items()}
        return float(said["looked"]), watches
    except (ValueError, TypeError, LookupError, AttributeError):
        return None, {}


def make_sensors(jobs: Jobs, prefix: Sequence[str] = ()) -> list[dg.SensorDefinition]:
    """Return the sensors that start jobs below a key prefix, which their names begin with."""
    datasets = dg.sensor(
        name=prefix_name(prefix, "dataset_sensor"),
        minimum_interval_seconds=15,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=look_for_datasets.__doc__,
    )
    contents = dg.sensor(
        name=prefix_name(prefix, "content_sensor"),
        job=jobs.tag_new_contents,
        minimum_interval_seconds=10,
        default_status=default_status(dg.DefaultSensorStatus),
        description=look_for_contents.__doc__,
    )
    return [datasets(look_for_datasets), contents(look_for_contents)]


dataset_sensor, content_sensor = make_sensors(JOBS)
