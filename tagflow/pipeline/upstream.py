"""What notices that an asset of the deployment, which is the source of datasets, was made anew."""

from collections.abc import Callable, Iterator, Sequence

import dagster as dg

from tagflow.errors import TagflowError
from tagflow.pipeline.budget import default_status
from tagflow.pipeline.jobs import Jobs, prefix_name
from tagflow.pipeline.resources import Workbench
from tagflow.settings import list_datasets, load_settings


def make_upstream_sensor(key: str, jobs: Jobs, prefix: Sequence[str] = ()) -> dg.SensorDefinition:
    """Return the sensor that starts ``tag_new_contents`` for the datasets of an upstream asset when that is made.

    Args:
        key: the asset's, such as ``shop/products``.
        jobs: those below the prefix.
        prefix: what the sensor's name begins with.
    """
    asset = dg.AssetKey.from_user_string(key)

    @dg.asset_sensor(
        asset_key=asset,
        name=prefix_name(prefix, f"{'_'.join(asset.path)}_sensor"),
        job=jobs.tag_new_contents,
        minimum_interval_seconds=10,
        default_status=default_status(dg.DefaultSensorStatus),
        description=f"Tags what is new in the datasets whose source is {key}, once they were run by a person.",
    )
    def look_for_materializations(
        context: dg.SensorEvaluationContext, event: dg.EventLogEntry, workbench: Workbench
    ) -> Iterator[dg.RunRequest]:
        for name in find_datasets(workbench, key, context.log.warning):
            yield dg.RunRequest(run_key=f"{name}: {key} of run {event.run_id}", partition_key=name)

    return look_for_materializations


def find_datasets(workbench: Workbench, asset: str, warn: Callable[[str], object]) -> Iterator[str]:
    """Yield the tagged datasets whose source is the asset; one with a mistake in its YAML is told and left out."""
    store = workbench.store()
    for name in list_datasets(workbench.folder()):
        try:
            source = load_settings(workbench.folder(), name).source
        except TagflowError as error:
            warn(str(error))
            continue
        if source is not None and source.asset == asset and store.exists(name, "tagged_output"):
            yield name
