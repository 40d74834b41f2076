"""What notices new datasets."""

import dagster as dg

from tagflow.pipeline.datasets import DATASETS, find_unregistered
from tagflow.pipeline.resources import Workbench


@dg.sensor(minimum_interval_seconds=15, default_status=dg.DefaultSensorStatus.RUNNING)
def dataset_sensor(context: dg.SensorEvaluationContext, workbench: Workbench) -> dg.SensorResult | dg.SkipReason:
    """Make every new folder with a dataset.yaml a partition; it starts nothing."""
    new = find_unregistered(context.instance, workbench.folder())
    if not new:
        return dg.SkipReason(f"no new dataset in {workbench.folder()}")
    return dg.SensorResult(dynamic_partitions_requests=[DATASETS.build_add_request(new)])
