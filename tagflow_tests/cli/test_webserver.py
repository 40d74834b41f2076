"""The UI as a person uses it: it answers on this machine only, finds a new dataset, and runs its assets."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow_tests.conftest import TAGFLOW, call_tagflow
from tagflow_tests.pipeline.runs import make_dataset, read_recipes


class Server(NamedTuple):
    """A running UI and its data folder."""

    url: str
    data: Path
    log: Path


def _find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def open_ui(data: Path, *words: str) -> Iterator[Server]:
    """Start ``tagflow ui`` on a free port, and stop it."""
    port = _find_port()
    log_path = data / f"ui-{port}.log"
    with log_path.open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [TAGFLOW, "ui", "--port", str(port), *words],
            env={**os.environ, "TAGFLOW_DATA": str(data)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(lambda: _answers(url), 90, lambda: log_path.read_text(encoding="utf-8"))
        yield Server(url, data, log_path)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("ui") / "data"
    make_dataset(data, "few", read_recipes(40), vocabulary={"source": "labels"}, evaluation={"methods": ["llm4tag"]})
    with open_ui(data) as opened:
        yield opened


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


LAUNCH = """mutation ($params: ExecutionParams!) {
    launchRun(executionParams: $params) {__typename ... on LaunchRunSuccess {run {runId}}}}"""


def _launch_params(name: str) -> dict[str, Any]:
    selector = {"repositoryLocationName": "tagflow", "repositoryName": "__repository__", "jobName": "tag_dataset"}
    tags = [{"key": "dagster/partition", "value": name}]
    return {"selector": selector, "runConfigData": {}, "mode": "default", "executionMetadata": {"tags": tags}}


def _count_runs(url: str) -> int:
    return len(_ask(url, "{runsOrError {... on Runs {results {runId}}}}")["runsOrError"]["results"])


def _send(server: Server, method: str, path: str, headers: dict[str, str], body: str = "") -> int:
    """Return the status of a request made byte by byte, as no browser and no library would be needed to send it."""
    host, port = "127.0.0.1", int(server.url.rsplit(":", 1)[1])
    said = {"Host": f"{host}:{port}", "Content-Length": str(len(body.encode())), "Connection": "close", **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items() if value), "", body]
    with socket.create_connection((host, port), timeout=60) as connection:
        connection.sendall("\r\n".join(lines).encode())
        return int(connection.recv(4096).split(b" ", 2)[1])


JSON = {"Content-Type": "application/json"}
EVIL = "http://evil.example"
SOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGFnZmxvdyB0YWdmbG93IQ==",
    "Sec-WebSocket-Protocol": "graphql-ws",
    "Content-Length": "",
}


@pytest.mark.parametrize(
    ("attack", "method", "headers"),
    [
        ("an image of another page", "GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}),
        ("an image in a browser that does not say where from", "GET", {}),
        ("a script of another page", "POST", {**JSON, "Origin": EVIL}),
        ("a frame without an origin", "POST", {**JSON, "Origin": "null"}),
        ("a name made to resolve to this machine", "POST", {**JSON, "Host": "evil.example"}),
        ("that name, by address", "GET", {"Host": "evil.example", "Origin": EVIL}),
        ("a text that says it is JSON", "POST", {"Content-Type": "text/plain; x=application/json"}),
        ("a form", "FORM", {"Content-Type": "application/x-www-form-urlencoded"}),
        ("a page of another program on this machine", "POST", {**JSON, "Origin": "http://127.0.0.1:8080"}),
    ],
)
def test_no_other_page_starts_a_run(server: Server, attack: str, method: str, headers: dict[str, str]) -> None:
    before, params = _count_runs(server.url), _launch_params("few")
    asked = {"query": LAUNCH, "variables": json.dumps({"params": params})}
    address = f"/graphql?{urllib.parse.urlencode(asked)}"
    body = json.dumps({"query": LAUNCH, "variables": {"params": params}}) if method == "POST" else ""
    path = "/graphql" if method == "POST" else address
    assert _send(server, "GET" if method == "GET" else "POST", path, headers, body) in (403, 405, 415), attack
    assert _count_runs(server.url) == before


@pytest.mark.parametrize(("status", "headers"), [(101, {}), (403, {"Origin": EVIL}), (403, {"Host": "evil.example"})])
def test_no_other_page_opens_a_websocket(server: Server, status: int, headers: dict[str, str]) -> None:
    assert _send(server, "GET", "/graphql", SOCKET | headers) == status


def test_no_other_page_reports_that_an_asset_was_made(server: Server) -> None:
    path = "/report_asset_materialization/raw_clues?partition=few"
    assert _send(server, "POST", path, {"Origin": EVIL}) == 403
    assert _send(server, "POST", path, {"Content-Type": "text/plain"}) == 415
    made = _ask(
        server.url, '{assetOrError(assetKey: {path: ["raw_clues"]}) {... on Asset {assetMaterializations {runId}}}}'
    )
    assert all(one["runId"] for one in made["assetOrError"].get("assetMaterializations", []))


def test_no_other_page_shows_the_ui_in_a_frame(server: Server) -> None:
    assert urllib.request.urlopen(server.url, timeout=60).headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "0.0.0.0"], "has no login"),
        (["--host", "::"], "has no login"),
        (["--host", "0.0.0.0", "--behind-auth-proxy"], "--name"),
    ],
)
def test_it_does_not_listen_for_others_without_a_proxy_that_asks_who_they_are(
    tmp_path: Path, words: list[str], said: str
) -> None:
    make_dataset(tmp_path / "data", "few", read_recipes(3))
    answer = call_tagflow("ui", "--port", str(_find_port()), *words, data=tmp_path / "data", cwd=tmp_path)
    assert answer.code == 1
    assert said in answer.err


def test_a_port_that_is_taken_is_named(server: Server, tmp_path: Path) -> None:
    port = server.url.rsplit(":", 1)[1]
    answer = call_tagflow("ui", "--port", port, data=server.data, cwd=tmp_path)
    assert (answer.code, f"127.0.0.1:{port}" in answer.err) == (1, True)


def test_a_read_only_ui_shows_everything_and_starts_nothing(server: Server, tmp_path: Path) -> None:
    with open_ui(server.data, "--read-only") as shown:
        assert _ask(shown.url, "{version}")["version"]
        before = _count_runs(shown.url)
        launched = _ask(shown.url, LAUNCH, params=_launch_params("few"))["launchRun"]
        assert launched["__typename"] == "UnauthorizedError"
        assert _count_runs(shown.url) == before


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
    launched = _ask(server.url, LAUNCH, params=_launch_params("few"))["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    status = "query ($id: ID!) {runOrError(runId: $id) {... on Run {status}}}"
    run_id = launched["run"]["runId"]

    def is_over() -> bool:
        return _ask(server.url, status, id=run_id)["runOrError"]["status"] in ("SUCCESS", "FAILURE", "CANCELED")

    _wait_for(is_over, 240, lambda: server.log.read_text(encoding="utf-8")[-3000:])
    assert _ask(server.url, status, id=run_id)["runOrError"]["status"] == "SUCCESS"
    assert len(DuckDBStore(server.data / "warehouse").read("few", "tagged_output")) > 0
