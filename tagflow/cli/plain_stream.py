"""What a command says, as text: no tag, id or content moves the cursor or forges a line."""

import io
import re
from typing import TextIO

from tagflow.control_characters import escape_controls

STYLE = re.compile(r"(\x1b\[[01]m)")
"""Bold and plain: what our own words are set in."""


class PlainStream(io.TextIOBase):
    """Passes text on with control characters spelled out, but for line ends, tabs and the two styles."""

    def __init__(self, stream: TextIO) -> None:
        """Write to this stream."""
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The stream's own."""
        return self._stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """The stream's own."""
        return self._stream.errors

    def write(self, text: str) -> int:
        """Write the text and return its length."""
        parts = STYLE.split(text)
        self._stream.write("".join(part if STYLE.fullmatch(part) else escape_controls(part, "\n\t") for part in parts))
        return len(text)

    def flush(self) -> None:
        """Pass on what waits."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Whether a person looks at it."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The stream's own."""
        return self._stream.fileno()

    def writable(self) -> bool:
        """It is."""
        return True
