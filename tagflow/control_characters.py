"""Characters that act on a terminal or a log instead of being read, and how they are shown."""

import re

_ACTING = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def escape_controls(text: str, keep: str = "") -> str:
    r"""Return the text with control characters, line separators and marks that turn the reading direction spelled out.

    Args:
        text: any.
        keep: the characters that may act.

    Returns:
        One below U+0100 is shown as ``\xNN``, any other as ``\uNNNN``. Source: ours.
    """
    return _ACTING.sub(lambda found: found[0] if found[0] in keep else _spell(ord(found[0])), text)


def _spell(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
