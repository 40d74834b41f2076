"""Starts the Dagster UI on this machine only."""

import os
import subprocess
import sys

import click

from tagflow.adapters.data_folder import find_data
from tagflow.cli.runs import prepare_home


def run_ui(port: int) -> None:
    """Run the webserver and the daemon on 127.0.0.1 until they are stopped; ends with their exit code."""
    data = find_data()
    home = prepare_home(data)
    click.echo(f"Dagster UI of {data} on http://127.0.0.1:{port} (stop with Ctrl-C)")
    command = [
        sys.executable,
        "-m",
        "dagster",
        "dev",
        "-m",
        "tagflow.pipeline.definitions",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    environment = {**os.environ, "DAGSTER_HOME": str(home), "TAGFLOW_DATA": str(data), "PYTHONWARNINGS": "ignore"}
    os.chdir(home)
    sys.exit(subprocess.call(command, env=environment))
