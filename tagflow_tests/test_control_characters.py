"""Characters that act are spelled out, all others stay."""

import io
import sys

import pytest

from tagflow.cli.plain_stream import PlainStream
from tagflow.control_characters import escape_controls
from tagflow.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b\x1b[0m", "a\\x00b\\x1b[0m"),
        ("\r\n\t", "\\x0d\\x0a\\x09"),
        ("\x7f\x85\x9b", "\\x7f\\x85\\x9b"),
        ("\u202ea\u2028\u2069", "\\u202ea\\u2028\\u2069"),
        ("é 日本 👨‍👩‍👧 a\u0301", "é 日本 👨‍👩‍👧 a\u0301"),
    ],
)
def test_what_acts_is_spelled_out(text: str, shown: str) -> None:
    assert escape_controls(text) == shown
    assert str(ConfigError(text)) == shown


def test_a_command_may_end_lines_and_set_words_in_bold() -> None:
    out = io.StringIO()
    stream = PlainStream(out)
    text = "\x1b[1mname\x1b[0m\tone\n\x1b[31mred\x1b[2J\x07"
    assert stream.write(text) == len(text)
    assert out.getvalue() == "\x1b[1mname\x1b[0m\tone\n\\x1b[31mred\\x1b[2J\\x07"
    assert stream.isatty() is False
    assert PlainStream(sys.__stdout__).encoding == sys.__stdout__.encoding
