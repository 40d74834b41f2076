"""The report as a page: one self-contained HTML file beside the artifacts, made anew with each evaluation."""

import os
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tagflow import __version__
from tagflow.pipeline.resources import Dataset
from tagflow.report.page import render_page
from tagflow.tables import Tables


def write_report(dataset: Dataset, tables: Tables, vocabulary: str) -> Path:
    """Write the report of an evaluation into the dataset's warehouse folder, whole or not at all; return its path."""
    facts = {
        "made": datetime.now(UTC),
        "tagflow": __version__,
        "dagster": version("dagster"),
        "encoder": dataset.settings.encoder_model(),
        "vocabulary": vocabulary,
    }
    path = dataset.store.path(dataset.name, "evaluation_report").with_name("report.html")
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".report-{os.getpid()}.tmp")
    staged.write_text(render_page(dataset.name, dataset.settings, tables, facts), encoding="utf-8")
    return staged.replace(path)
