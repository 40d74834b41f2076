"""The connection to an endpoint: one request out, one bounded reply in, by the openai client over aiohttp."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import httpx2
from openai import APIConnectionError, APIStatusError, AsyncOpenAI, DefaultAioHttpClient

from tagflow.adapters.endpoint_errors import Fault
from tagflow.adapters.endpoint_pacing import EndpointLimits
from tagflow.errors import ConfigError

PATH = "/chat/completions"
KEPT = 4.0  # seconds a connection is kept without use: ours, below the 5 of uvicorn, under which many servers run


@dataclass(frozen=True)
class Received:
    """A reply, unpacked."""

    status: int
    headers: httpx2.Headers
    body: bytes


class Wire:
    """Sends requests to one base URL; belongs to the event loop that uses it first."""

    def __init__(self, base_url: str, api_key: str, limits: EndpointLimits) -> None:
        """Keep the address; the first request connects."""

        async def bound(response: httpx2.Response) -> None:
            assert isinstance(response.stream, httpx2.AsyncByteStream)
            encoding = response.headers.pop("content-encoding", "")
            response.stream = _Bounded(response.stream, encoding, limits.body_bytes, response.status_code)

        self._deadline = limits.deadline
        self._http = DefaultAioHttpClient(
            follow_redirects=False,
            trust_env=False,  # no proxy, and no key from a .netrc; only the certificates an organisation sets
            verify=httpx2.create_ssl_context(trust_env=True),
            timeout=httpx2.Timeout(None, connect=limits.connect),
            limits=httpx2.Limits(max_connections=limits.concurrency, keepalive_expiry=KEPT),
            event_hooks={"response": [bound]},
        )
        self._client = AsyncOpenAI(
            base_url=base_url,
            api_key=api_key or "none",  # many a local server takes any
            max_retries=0,
            timeout=httpx2.Timeout(None, connect=limits.connect),
            http_client=self._http,
        )
        self._client.organization = self._client.project = None  # the environment's are for another endpoint
        self._client._custom_headers = {}  # likewise OPENAI_CUSTOM_HEADERS, which may even hold another key

    async def send(self, body: bytes) -> Received | Fault:
        """Return the reply to a request, or the fault of the connection; never waits beyond the deadline."""
        try:
            async with asyncio.timeout(self._deadline):
                response = await self._client.post(
                    PATH,
                    cast_to=httpx2.Response,
                    content=body,
                    options={"headers": {"Content-Type": "application/json", "Accept-Encoding": "identity"}},
                )
            return Received(response.status_code, response.headers, response.content)
        except APIStatusError as error:
            with suppress(httpx2.ResponseNotRead):
                return Received(error.response.status_code, error.response.headers, error.response.content)
            return Received(error.response.status_code, error.response.headers, b"")
        except TimeoutError:
            return Fault("passing", f"no whole reply within {self._deadline:g} s", paid=True)
        except _TooLargeError as error:
            return Fault("unusable" if error.status < 300 else "passing", str(error), paid=error.status < 300)
        except APIConnectionError as error:
            never_sent = _is_unconnected(error)
            why = "the endpoint cannot be reached" if never_sent else "the connection broke off"
            return Fault("passing", why, paid=not never_sent)
        except Exception as error:  # aiohttp's own errors come through as they are
            return Fault("passing", f"the connection broke off ({type(error).__name__})", paid=True)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.close()


def _is_unconnected(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        error = error.__cause__
    return error is not None


class _TooLargeError(Exception):
    def __init__(self, most: int, status: int) -> None:
        super().__init__(f"a reply of more than {most:,} bytes (HTTP {status})")
        self.status = status


class _Bounded(httpx2.AsyncByteStream):
    """A body that is unpacked bit by bit and ends with an error when it grows too large."""

    def __init__(self, stream: httpx2.AsyncByteStream, encoding: str, most: int, status: int) -> None:
        self._stream, self._encoding = stream, encoding.strip().lower()
        self._most, self._status = most, status

    async def __aiter__(self) -> AsyncIterator[bytes]:
        unpacker = zlib.decompressobj(47) if self._encoding in ("gzip", "deflate", "x-gzip") else None
        size = 0
        async for chunk in self._stream:
            while chunk:
                piece = chunk if unpacker is None else unpacker.decompress(chunk, self._most)
                chunk = b"" if unpacker is None else unpacker.unconsumed_tail
                size += len(piece)
                if size > self._most:
                    raise _TooLargeError(self._most, self._status)
                yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


def check_address(base_url: str) -> tuple[str, str, str]:
    """Return a base URL without its last slash, its host with the port, and without.

    Raises:
        ConfigError: it is no plain http or https address.
    """
    try:
        parts = urlsplit(base_url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigError("TAGFLOW_LLM_BASE_URL must be an http or https address, such as http://127.0.0.1:8080/v1")
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigError(
            "TAGFLOW_LLM_BASE_URL must hold no key, query or fragment: the key belongs in TAGFLOW_LLM_API_KEY"
        )
    named = f"[{host}]" if ":" in host else host
    return base_url.strip().rstrip("/"), named if port is None else f"{named}:{port}", host
