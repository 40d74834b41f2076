"""The UI as a person uses it: it answers on this machine only, finds a new dataset, and runs its assets."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow_tests.conftest import TAGFLOW
from tagflow_tests.pipeline.runs import make_dataset, read_recipes


class Server(NamedTuple):
    """A running UI and its data folder."""

    url: str
    data: Path


def _find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("ui") / "data"
    make_dataset(data, "few", read_recipes(40), vocabulary={"source": "labels"}, evaluation={"methods": ["llm4tag"]})
    port = _find_port()
    environment = {**os.environ, "TAGFLOW_DATA": str(data)}
    with (data / "ui.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [TAGFLOW, "ui", "--port", str(port)], env=environment, stdout=log, stderr=log, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(lambda: _answers(url), 90, lambda: (data / "ui.log").read_text(encoding="utf-8"))
        yield Server(url, data)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _answers(url: str) -> bool:
    try:
        return urllib.request.urlopen(f"{url}/server_info", timeout=5).status == 200
    except (urllib.error.URLError, OSError):
        return False


def _wait_for(condition: Any, seconds: float, explain: Any) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.5)
    raise AssertionError(explain())


def _ask(url: str, query: str, **variables: Any) -> Any:
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{url}/graphql", body, {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=60))["data"]


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux lists its sockets there")
def test_it_listens_on_the_loopback_address_only(server: Server) -> None:
    port = int(server.url.rsplit(":", 1)[1])
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="utf-8").splitlines()[1:]]
    listening = {address for _, address, _, state, *_ in rows if state == "0A" and address.endswith(f":{port:04X}")}
    assert listening == {f"0100007F:{port:04X}"}


def test_a_dataset_that_is_only_a_folder_is_found_and_tagged_from_the_ui(server: Server) -> None:
    partitions = '{assetNodes(assetKeys: [{path: ["raw_clues"]}]) {partitionKeys}}'

    def is_registered() -> bool:
        return _ask(server.url, partitions)["assetNodes"][0]["partitionKeys"] == ["few"]

    _wait_for(is_registered, 60, lambda: "the sensor did not register the folder")
    launch = """mutation ($params: ExecutionParams!) {
        launchRun(executionParams: $params) {__typename ... on LaunchRunSuccess {run {runId}}}}"""
    selector = {
        "repositoryLocationName": "tagflow",
        "repositoryName": "__repository__",
        "jobName": "tag_dataset",
    }
    tags = [{"key": "dagster/partition", "value": "few"}]
    params = {"selector": selector, "runConfigData": {}, "mode": "default", "executionMetadata": {"tags": tags}}
    launched = _ask(server.url, launch, params=params)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    status = "query ($id: ID!) {runOrError(runId: $id) {... on Run {status}}}"
    run_id = launched["run"]["runId"]

    def is_over() -> bool:
        return _ask(server.url, status, id=run_id)["runOrError"]["status"] in ("SUCCESS", "FAILURE", "CANCELED")

    _wait_for(is_over, 240, lambda: (server.data / "ui.log").read_text(encoding="utf-8")[-3000:])
    assert _ask(server.url, status, id=run_id)["runOrError"]["status"] == "SUCCESS"
    assert len(DuckDBStore(server.data / "warehouse").read("few", "tagged_output")) > 0
