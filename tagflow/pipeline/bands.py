"""From which confidence on a dataset applies tags."""

import polars as pl

from tagflow.confidence import thresholds
from tagflow.confidence.thresholds import NEVER
from tagflow.pipeline.resources import Dataset
from tagflow.ports import TagModel
from tagflow.schemas import CONFIDENCE_MODEL
from tagflow.settings import DatasetSettings
from tagflow.tables import Tables


def find_thresholds(dataset: Dataset, judge: Tables, model: TagModel) -> pl.DataFrame:
    """Return the thresholds for target precisions; none where the method's confidence is a mere score.

    Args:
        dataset: opened.
        judge: ``confidence_model``.
        model: the tag model that judges by it.
    """
    fitted = judge.get("thresholds", CONFIDENCE_MODEL.tables["thresholds"].empty())
    return fitted.clear() if "uncalibrated" in dataset.name_model(model) else fitted


def set_bands(dataset: Dataset, judge: Tables, model: TagModel) -> DatasetSettings:
    """Return the settings with band apply from where the target precision is reached; says so if it is nowhere."""
    settings = thresholds.set_bands(dataset.settings, find_thresholds(dataset, judge, model))
    if settings.tagging.apply_at == NEVER:
        dataset.progress.say(
            f"band apply is empty: no confidence safely reaches tagging.target_precision "
            f"{settings.tagging.target_precision:g}; lower it, or annotate and correct more"
        )
    return settings


def tell_bands(tagged: pl.DataFrame, settings: DatasetSettings) -> dict[str, int | float | str]:
    """Return how many tags are in each band, and from which confidence they are applied, for the page."""
    counts: dict[str, int | float | str] = dict(tagged["band"].value_counts().sort("band").iter_rows())
    least = settings.tagging.apply_at
    return counts | {"applied_from": round(least, 3) if least < NEVER else "never"}
