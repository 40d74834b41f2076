"""Hands out the report page of a dataset."""

import shutil
from pathlib import Path

import click

from tagflow.adapters.data_folder import find_data
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.errors import ArtifactError, ConfigError
from tagflow.settings import load_settings


def run_report(name: str, file: Path | None) -> None:
    """Say where the report page of the dataset lies, or copy it to a file.

    Raises:
        ConfigError: no such dataset, or the file cannot be written.
        ArtifactError: the dataset was not evaluated yet.
    """
    data = find_data()
    load_settings(data, name)
    page = DuckDBStore(data / "warehouse").path(name, "evaluation_report").with_name("report.html")
    if not page.is_file():
        raise ArtifactError(f"The report of dataset {name!r} has not been made yet: run tagflow run {name}.")
    if file is not None:
        try:
            shutil.copyfile(page, file)
        except OSError as error:
            raise ConfigError(f"{file} cannot be written: {error.strerror or error}.") from error
    click.echo(f"The report of {name}: {file or page}")
