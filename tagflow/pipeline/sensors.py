"""What notices new datasets, and new contents of known ones."""

import json
import time
from collections.abc import Sequence

import dagster as dg

from tagflow.adapters.content_folder import look_at_folder
from tagflow.adapters.correction_file import FILE as CORRECTIONS
from tagflow.pipeline.budget import default_status
from tagflow.pipeline.datasets import DATASETS, find_unregistered
from tagflow.pipeline.jobs import JOBS, Jobs, prefix_name
from tagflow.pipeline.resources import Workbench
from tagflow.settings import list_datasets

QUIET = 3.0  # ours: seconds a file must have been left alone before it is taken as whole


def look_for_datasets(context: dg.SensorEvaluationContext, workbench: Workbench) -> dg.SensorResult | dg.SkipReason:
    """Make every new folder with a dataset.yaml a partition; it starts nothing."""
    new = find_unregistered(context.instance, workbench.folder())
    if not new:
        return dg.SkipReason(f"no new dataset in {workbench.folder()}")
    return dg.SensorResult(dynamic_partitions_requests=[DATASETS.build_add_request(new)])


def look_for_contents(context: dg.SensorEvaluationContext, workbench: Workbench) -> dg.SensorResult | dg.SkipReason:
    """Ask to tag what is new where contents or corrections of a tagged dataset changed; it looks at no file's inside.

    A dataset that was never run is left alone: its first run is a person's. A file that was touched within the last
    seconds waits for the next look.
    """
    seen: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
    known, store = set(context.instance.get_dynamic_partitions("datasets")), workbench.store()
    asked = []
    for name in list_datasets(workbench.folder()):
        if name not in known or not store.exists(name, "tagged_output"):
            continue
        folder = workbench.folder() / name
        files = look_at_folder(folder / "contents", folder / CORRECTIONS)
        read = store.path(name, "raw_clues").stat().st_mtime
        if seen.get(name) == files.digest or time.time() - files.touched < QUIET:
            continue
        if name in seen or files.touched > read:
            asked.append(dg.RunRequest(run_key=f"{name}: {files.digest}", partition_key=name))
        seen[name] = files.digest
    cursor = json.dumps(seen, sort_keys=True)
    return dg.SensorResult(run_requests=asked, cursor=cursor, skip_reason=None if asked else "no file changed")


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
