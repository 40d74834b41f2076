"""The report as a page: one self-contained HTML file beside the artifacts, made anew with each evaluation."""

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tagflow import __version__
from tagflow.pipeline.resources import Dataset
from tagflow.report.page import render_page
from tagflow.tables import Tables

PAGE = "report.html"
"""Its name beside the artifacts."""


def write_report(dataset: Dataset, tables: Tables, vocabulary: str) -> Path:
    """Put the report of an evaluation beside the dataset's artifacts; return where readers find it once published."""
    facts = {
        "made": datetime.now(UTC),
        "tagflow": __version__,
        "dagster": version("dagster"),
        "encoder": dataset.settings.encoder_model(),
        "vocabulary": vocabulary,
    }
    page = render_page(dataset.name, dataset.settings, tables, facts)
    return dataset.store.write_page(dataset.name, PAGE, page)
