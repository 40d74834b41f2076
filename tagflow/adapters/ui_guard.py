"""Refuses what another web page, or a foreign name for this machine, asks of the UI.

The UI has no login: whoever reaches it may start runs that cost money. Bound to 127.0.0.1 it keeps other machines out,
but not the pages that are open in the same browser: those send requests here too, and a page whose name was made to
resolve to 127.0.0.1 even reads the answers. A browser says where a request comes from (Host, Origin, Sec-Fetch-Site),
and no page can change that. Source: the Fetch standard's metadata headers; ours in what is refused.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
SAME = ("same-origin", "none")
"""Values of Sec-Fetch-Site that no other page can bring about: the UI itself, and a person who typed the address."""

JSON = "application/json"
GRAPHQL = "/graphql"
SAFE_METHODS = ("GET", "HEAD")
FRAMING = [(b"x-frame-options", b"DENY"), (b"cross-origin-resource-policy", b"same-origin")]
"""Headers of every answer: no page may show the UI in a frame, where clicks can be stolen, or use its files."""


class UIGuard:
    """ASGI middleware that lets only the UI itself, and programs on this machine, through."""

    def __init__(self, app: App, hosts: Iterable[str]) -> None:
        """Guard an application.

        Args:
            app: what is guarded.
            hosts: what may stand in the Host header, with the port where it is not the scheme's own.
        """
        self._app = app
        self._hosts = {host.lower() for host in hosts}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with 403, 405 or 415 and the reason."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        refusal = self.find_refusal(scope)
        if refusal is None:
            return await self._app(scope, receive, _with_headers(send))
        status, reason = refusal
        if scope["type"] == "websocket":  # closed before it is accepted: the handshake is answered with 403
            await receive()
            return await send({"type": "websocket.close", "code": 1008, "reason": reason})
        headers = [(b"content-type", b"text/plain; charset=utf-8"), *FRAMING]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": f"Refused: {reason}.\n".encode()})

    def find_refusal(self, scope: Message) -> tuple[int, str] | None:
        """Return the status and reason for which a request is refused, or None.

        Args:
            scope: ASGI's, of an HTTP request or a WebSocket's handshake.
        """
        said = _read_headers(scope)
        hosts = said.get("host", [])
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return 403, "this address is not one of the UI's own names (Host header)"
        origins = said.get("origin", [])
        if any(not self._is_own(origin) for origin in origins):
            return 403, "another page asked (Origin header)"
        method = scope.get("method", "GET")
        graphql = scope["path"].rstrip("/").endswith(GRAPHQL)
        if any(site not in SAME for site in said.get("sec-fetch-site", [])):
            followed = said.get("sec-fetch-mode") == ["navigate"] and said.get("sec-fetch-dest") == ["document"]
            if scope["type"] == "websocket" or graphql or method not in SAFE_METHODS or not followed:
                return 403, "another page asked (Sec-Fetch-Site header)"
        if scope["type"] == "websocket":
            return None
        if graphql and method in SAFE_METHODS and scope.get("query_string"):
            return 405, "GraphQL in an address could be asked by any page; send it as POST with JSON"
        kinds = [kind.partition(";")[0].strip().lower() for kind in said.get("content-type", [])]
        if method not in SAFE_METHODS and kinds != [JSON]:
            return 415, f"only {JSON} is taken, which no other page can send unasked"
        return None

    def _is_own(self, origin: str) -> bool:
        scheme, _, host = origin.lower().partition("://")
        return scheme in ("http", "https") and host in self._hosts


def name_hosts(port: int, names: Iterable[str] = ()) -> list[str]:
    """Return what may stand in the Host header: this machine's names at the port, and names given as they are."""
    return [*(f"{name}:{port}" for name in LOOPBACK_NAMES), *names]


def _read_headers(scope: Message) -> dict[str, list[str]]:
    said: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        said.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return said


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *FRAMING]}
        await send(message)

    return sent
