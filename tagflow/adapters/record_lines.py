"""What a content file consists of before its format is known: physical lines, and records read or rejected."""

import gzip
import zlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedIOBase
from typing import NamedTuple

from tagflow.control_characters import escape_controls

RECORD_LIMIT = 16 * 1024 * 1024
"""Bytes of the longest record that is read."""

PACKED_LIMIT = 256 * 1024 * 1024
"""Bytes that a gzip file may unpack to whatever its size."""

PACKED_RATIO = 200
"""Bytes that a larger one may unpack to for each of its own; text shrinks to a tenth, rarely to a hundredth."""

EXCERPT = 500
"""Characters of a rejected record that are kept."""

UTF8_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Record:
    """One content as its file gives it; ``line`` is the physical line it starts on, from 1 (Parquet: the row)."""

    file: str
    line: int
    fields: dict[str, str | list[str] | None]


@dataclass(frozen=True)
class Rejected:
    r"""One record, or with line 0 one file or the rest of it, that cannot be read.

    ``raw`` is the first 500 characters, with control characters and undecodable bytes shown as ``\xNN``.
    """

    file: str
    line: int
    reason: str
    raw: str


class Line(NamedTuple):
    """One physical line with its line end; of one that is too long, only the beginning and the line end."""

    number: int
    raw: bytes
    too_long: bool

    def find_fault(self) -> str | None:
        """Return why the line is no text, if so."""
        if self.too_long:
            return "longer than 16 MiB"
        if b"\0" in self.raw:
            return f"NUL character at byte offset {self.raw.index(0)} of line {self.number}"
        try:
            self.raw.decode()
        except UnicodeDecodeError as error:
            return f"invalid UTF-8 at byte offset {error.start} of line {self.number}"
        return None


class Lines:
    """The physical lines of a stream, without its byte order mark.

    They end where a gzip stream breaks or grows beyond its limit; ``damage`` then says so.
    """

    def __init__(self, stream: BufferedIOBase, limit: int | None = None) -> None:
        """Read from where the stream stands, up to ``limit`` bytes."""
        self.damage: str | None = None
        self._stream, self._limit = stream, limit
        self._number = 0
        self._back: deque[Line] = deque()

    def __iter__(self) -> "Lines":
        """Return itself: loops over it share one position."""
        return self

    def __next__(self) -> Line:
        """Return the next line."""
        if self._back:
            return self._back.popleft()
        raw, too_long = (b"", False) if self.damage else self._read()
        if not raw:
            raise StopIteration
        self._number += 1
        return Line(self._number, raw.removeprefix(UTF8_BOM) if self._number == 1 else raw, too_long)

    def put_back(self, lines: Sequence[Line]) -> None:
        """Let these lines come next."""
        self._back.extendleft(reversed(lines))

    def _read(self) -> tuple[bytes, bool]:
        try:
            raw = self._stream.readline(RECORD_LIMIT + len(b"\r\n"))
            if self._is_overgrown():
                return b"", False
            if len(raw) <= RECORD_LIMIT or len(raw.rstrip(b"\r\n")) <= RECORD_LIMIT:
                return raw, False
            rest = raw[-1:]
            while rest and not rest.endswith(b"\n"):
                rest = self._stream.readline(1024 * 1024)
                if self._is_overgrown():
                    return b"", False
            return raw[: 4 * EXCERPT] + rest[-1:], True
        except EOFError:
            self.damage = f"gzip stream ends early after line {self._number}"
        except (zlib.error, gzip.BadGzipFile) as error:
            self.damage = f"gzip stream is damaged after line {self._number}: {error}"
        return b"", False

    def _is_overgrown(self) -> bool:
        if self._limit is None or self._stream.tell() <= self._limit:
            return False
        self.damage = f"{tell_limit(self._limit)}, reached after line {self._number}"
        return True


def tell_limit(limit: int) -> str:
    """Return why a gzip stream is not read beyond a limit in bytes, and what to do."""
    return f"unpacks to more than {limit // 1024**2:,} MiB: if it is meant so, unpack it yourself"


def show(raw: bytes) -> str:
    r"""Return the first 500 characters, with control characters and undecodable bytes as \xNN."""
    text = raw[: 4 * EXCERPT].rstrip(b"\r\n").decode(errors="backslashreplace")  # no character is longer than 4 bytes
    return escape_controls(text)[:EXCERPT]


def reject(file: str, line: int, reason: str, raw: bytes = b"") -> Rejected:
    """Return the rejection of a record given as bytes."""
    return Rejected(file, line, reason, show(raw))
