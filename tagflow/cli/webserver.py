"""Starts the Dagster UI: a code server, the guarded webserver and the daemon, which stop together."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import click
import yaml

import tagflow
from tagflow.adapters.data_folder import find_data
from tagflow.cli.runs import prepare_home
from tagflow.errors import ConfigError

HOST = "127.0.0.1"
LOOPBACK = (HOST, "::1", "localhost")
START = 120.0  # ours: seconds the code location may take to load on a busy machine
PUT_AWAY = 60.0  # Dagster's own: seconds its services may take to end
PR_SET_PDEATHSIG = 1


def run_ui(
    port: int, host: str = HOST, names: Sequence[str] = (), *, proxied: bool = False, read_only: bool = False
) -> None:
    """Run the UI until it is stopped or one of its processes ends; ends with that one's exit code.

    Args:
        port: of the UI.
        host: the address to bind.
        names: names under which a proxy shows the UI.
        proxied: whether something in front of the UI asks who it is.
        read_only: whether the UI only shows; then nothing starts by itself either.

    Raises:
        ConfigError: the address can be reached by others, and nothing says that somebody asks them who they are; or
            the port is taken.
    """
    check_address(host, port, names, proxied=proxied)
    data = find_data()
    home = prepare_home(data)
    click.echo(f"Dagster UI of {data} on http://{host}:{port} (stop with Ctrl-C)")
    environment = {**os.environ, "DAGSTER_HOME": str(home), "TAGFLOW_DATA": str(data), "PYTHONWARNINGS": "ignore"}
    with tempfile.TemporaryDirectory(prefix="tagflow-ui-") as folder:  # only this user can open what lies there
        door, workspace = Path(folder) / "code", Path(folder) / "workspace.yaml"
        server = {"socket": str(door), "location_name": "tagflow"}
        workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}), encoding="utf-8")
        code = ["dagster", "code-server", "start", "--socket", str(door), "--location-name", "tagflow"]
        code += ["-m", "tagflow.pipeline.definitions", "-d", str(Path(tagflow.__file__).parents[1])]
        web = ["tagflow.pipeline.webserver", "--workspace", str(workspace), "--host", host, "--port", str(port)]
        web += [word for name in names for word in ("--name", name)] + ["--read-only"] * read_only
        daemon = ["dagster._daemon", "run", "-w", str(workspace)]
        crew: list[subprocess.Popen[bytes]] = []
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            crew.append(_start([*code, "--use-python-environment-entry-point", "--log-level", "warning"], environment))
            _wait_for(door, crew[0])
            crew += [_start(command, environment) for command in ([web] if read_only else [web, daemon])]
            while all(process.poll() is None for process in crew):
                time.sleep(0.5)
            ended = next(process.returncode for process in crew if process.returncode is not None)
        except KeyboardInterrupt:
            ended = 0
        finally:
            _stop(crew)
    sys.exit(ended)


def check_address(host: str, port: int, names: Sequence[str], *, proxied: bool) -> None:
    """Refuse an address that others can reach unless a proxy asks them who they are, and a port that is taken.

    Raises:
        ConfigError: as said.
    """
    if host not in LOOPBACK and not proxied:
        raise ConfigError(
            f"The UI has no login, and on {host} everybody who reaches this machine could start runs: leave --host "
            "out, or say --behind-auth-proxy if a proxy in front of it asks who they are."
        )
    if (host not in LOOPBACK or proxied) and not names:
        raise ConfigError("Say with --name under which host name the proxy shows the UI (what its Host header says).")
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            pass
    except OSError as error:
        raise ConfigError(f"{host}:{port} cannot be bound ({error.strerror}): choose another --port.") from error


def _start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """A process group of its own, so that Ctrl-C reaches it once: from here."""
    return subprocess.Popen(
        [sys.executable, "-m", *command], env=environment, process_group=0, preexec_fn=_die_with_parent
    )


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def _wait_for(door: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START
    while not door.exists():
        if process.poll() is not None or time.monotonic() > end:
            raise ConfigError("tagflow's assets could not be loaded; what went wrong stands above.")
        time.sleep(0.2)


def _stop(crew: Sequence[subprocess.Popen[bytes]]) -> None:
    """End the daemon and the webserver first, then what they talk to."""
    for process in reversed(crew):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(PUT_AWAY)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            os.killpg(process.pid, signal.SIGKILL)
