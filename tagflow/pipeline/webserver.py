"""The Dagster UI behind a guard: ``python -m tagflow.pipeline.webserver``, which ``tagflow ui`` starts."""

import argparse
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import dagster as dg
import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.webserver import DagsterWebserver
from starlette.middleware import Middleware

from tagflow.adapters.ui_guard import UIGuard, name_hosts

POLL = 2000  # Dagster's default: milliseconds between two looks of the page


class GuardedWebserver(DagsterWebserver[WorkspaceProcessContext, WorkspaceRequestContext]):
    """Dagster's webserver that answers its own pages and programs on this machine only."""

    def __init__(self, process_context: WorkspaceProcessContext, hosts: Sequence[str]) -> None:
        """Serve a workspace; ``hosts`` may stand in the Host header."""
        self._hosts = hosts
        super().__init__(process_context, live_data_poll_rate=POLL)

    def build_middleware(self) -> list[Middleware]:
        """Return Dagster's middleware behind the guard."""
        return [Middleware(UIGuard, hosts=self._hosts), *super().build_middleware()]


def serve(workspace: str, host: str, port: int, names: Sequence[str], *, read_only: bool) -> None:
    """Serve the UI of the instance in DAGSTER_HOME until the process is stopped.

    Args:
        workspace: path of the workspace file.
        host: the address to bind.
        port: the port to bind.
        names: more values that the Host header may have.
        read_only: whether the UI shows and changes nothing.
    """
    logging.getLogger("dagster-webserver").setLevel(logging.WARNING)
    with dg.DagsterInstance.get() as instance:
        target = WorkspaceFileTarget([workspace])
        version = dg.__version__
        with WorkspaceProcessContext(instance, target, version=version, read_only=read_only) as context:
            app = GuardedWebserver(context, name_hosts(port, names)).create_asgi_app(lifespan=_live)
            uvicorn.run(app, host=host, port=port, log_level="warning")


@asynccontextmanager
async def _live(app: Any) -> AsyncIterator[None]:  # noqa: ANN401 - Starlette's, which needs nothing from us
    yield


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--workspace", required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--name", action="append", default=[])
    parser.add_argument("--read-only", action="store_true")
    given = parser.parse_args()
    serve(given.workspace, given.host, given.port, given.name, read_only=given.read_only)
