"""Which requests the guard of the UI lets through; the attacks on a real webserver stand in cli/test_webserver."""

import pytest

from tagflow.adapters.ui_guard import UIGuard, name_hosts

OWN = {"host": "127.0.0.1:3000", "content-type": "application/json"}


def ask(
    method: str = "POST", path: str = "/graphql", kind: str = "http", query: str = "", **headers: str
) -> int | None:
    """Return the status of the refusal, or None."""
    said = [(name.replace("_", "-").encode(), value.encode()) for name, value in (OWN | headers).items() if value]
    scope = {"type": kind, "method": method, "path": path, "query_string": query.encode(), "headers": said}
    refused = UIGuard(None, name_hosts(3000, ["tags.example"])).find_refusal(scope)  # type: ignore[arg-type]
    return refused[0] if refused else None


@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (None, {}),
        (None, {"origin": "http://127.0.0.1:3000", "sec_fetch_site": "same-origin"}),
        (None, {"host": "LOCALHOST:3000", "origin": "http://localhost:3000"}),
        (None, {"host": "[::1]:3000"}),
        (None, {"host": "tags.example", "origin": "https://tags.example"}),
        (None, {"content-type": "application/json; charset=utf-8"}),
        (None, {"method": "GET", "path": "/", "content-type": ""}),
        (None, {"method": "GET", "path": "/runs/1", "sec_fetch_site": "none"}),
        (403, {"host": "evil.example:3000"}),
        (403, {"host": "127.0.0.1"}),
        (403, {"host": "127.0.0.1:3000.evil.example"}),
        (403, {"host": ""}),
        (403, {"origin": "http://evil.example"}),
        (403, {"origin": "null"}),
        (403, {"origin": "http://127.0.0.1:8080"}),
        (403, {"origin": "file://127.0.0.1:3000"}),
        (403, {"sec_fetch_site": "cross-site"}),
        (403, {"sec_fetch_site": "same-site"}),
        (415, {"content-type": "text/plain; x=application/json"}),
        (415, {"content-type": "application/x-www-form-urlencoded", "query": "query={}"}),
        (415, {"content-type": ""}),
        (415, {"path": "/report_asset_materialization/raw_clues", "content-type": "text/plain"}),
        (405, {"method": "GET", "query": "query={version}"}),
        (405, {"method": "GET", "path": "/prefix/graphql/", "query": "query={version}"}),
        (None, {"kind": "websocket", "content-type": ""}),
        (403, {"kind": "websocket", "origin": "http://evil.example"}),
        (403, {"kind": "websocket", "sec_fetch_site": "cross-site"}),
    ],
)
def test_what_another_page_could_send_is_refused_and_the_rest_is_not(status: int | None, request_: dict) -> None:
    assert ask(**request_) == status


def test_a_link_from_another_page_may_be_followed_but_not_embedded() -> None:
    link = {"method": "GET", "path": "/runs/1", "sec_fetch_site": "cross-site", "content-type": ""}
    assert ask(**link, sec_fetch_mode="navigate", sec_fetch_dest="document") is None
    assert ask(**link, sec_fetch_mode="navigate", sec_fetch_dest="iframe") == 403
    assert ask(**link, sec_fetch_mode="no-cors", sec_fetch_dest="image") == 403
    graphql = link | {"path": "/graphql"}
    assert ask(**graphql, sec_fetch_mode="navigate", sec_fetch_dest="document") == 403


def test_a_request_with_two_hosts_is_refused() -> None:
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"127.0.0.1:3000")] * 2}
    refused = UIGuard(None, name_hosts(3000)).find_refusal(scope)  # type: ignore[arg-type]
    assert refused is not None
    assert refused[0] == 403
