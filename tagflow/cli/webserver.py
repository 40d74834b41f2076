"""Starts the Dagster UI on this machine only."""

import os
import subprocess
import sys
from pathlib import Path

import click
import yaml

import tagflow
from tagflow.adapters.data_folder import find_data
from tagflow.cli.runs import prepare_home

HOST = "127.0.0.1"


def run_ui(port: int) -> None:
    """Run the webserver and the daemon on 127.0.0.1 until they are stopped; ends with their exit code."""
    data = find_data()
    home = prepare_home(data)
    click.echo(f"Dagster UI of {data} on http://{HOST}:{port} (stop with Ctrl-C)")
    workspace = str(_write_workspace(home))
    command = [sys.executable, "-m", "dagster", "dev", "-w", workspace, "-h", HOST, "-p", str(port)]
    environment = {**os.environ, "DAGSTER_HOME": str(home), "TAGFLOW_DATA": str(data), "PYTHONWARNINGS": "ignore"}
    server = subprocess.Popen(command, env=environment, cwd=home)
    while True:
        try:
            sys.exit(server.wait())
        except KeyboardInterrupt:  # the terminal sent it to the server as well, which is putting its runs away
            continue


def _write_workspace(home: Path) -> Path:
    """The checkout's workspace.yaml names the same location; this one holds wherever tagflow is installed."""
    module = {
        "module_name": "tagflow.pipeline.definitions",
        "location_name": "tagflow",
        "working_directory": str(Path(tagflow.__file__).parents[1]),
    }
    path = home / "workspace.yaml"
    path.write_text(yaml.safe_dump({"load_from": [{"python_module": module}]}), encoding="utf-8")
    return path
