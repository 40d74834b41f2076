"""The frame around what a content says, which nothing in the content can end.

Texts of contents, tags and samples are data that nobody has vetted. Each becomes one JSON string on one line, so it can
hold no line of its own; marks that a server's chat template may take for the end of a message are spelled as escapes.
Around the content stand two lines with a number made of its hash: the same content gives the same prompt, and no
content can hold its own hash. Source: ours.
"""

import hashlib
import json
import re
from collections.abc import Sequence

_HIDDEN = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
"""What is invisible, turns the writing round, or counts as a line break; the joiners of emoji and scripts stay."""

_MARKS = re.compile(r"<(?=\S)|(?<=\S)>|\[(?=/?[A-Z][A-Z_]+\])|[◁▷]")
"""Where a chat template's or a frame's own mark could begin or end: <|im_end|>, </s>, [INST], <<<."""


def encode_text(text: str) -> str:
    """Return the text as one JSON string on one line; reading it as JSON gives the text back, byte for byte."""
    return _escape(json.dumps(text, ensure_ascii=False))


def encode_fields(clues: Sequence[tuple[str, str]]) -> str:
    """Return (field, text) pairs as one JSON object on one line; texts of the same field are joined by a line feed."""
    joined: dict[str, str] = {}
    for field, text in clues:
        joined[field] = f"{joined[field]}\n{text}" if field in joined else text
    return _escape(json.dumps(joined, ensure_ascii=False))


def frame_text(encoded: str) -> str:
    """Return the encoded text between two lines that only its own hash gives."""
    number = hashlib.blake2b(encoded.encode(), digest_size=8).hexdigest()
    return f"<<<DATA {number}\n{encoded}\nDATA {number}>>>"


def _escape(encoded: str) -> str:
    """Spell as escapes what JSON leaves as it is; nothing of it stands outside the strings."""
    return _MARKS.sub(_spell, _HIDDEN.sub(_spell, encoded))


def _spell(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
