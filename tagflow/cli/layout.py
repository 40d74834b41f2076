"""Aligned plain text: a Chinese character is two columns wide, and a line ends where the terminal does."""

import shutil
import textwrap
import unicodedata
from collections.abc import Sequence

WIDEST = 120  # ours: longer lines are hard to read
NARROWEST = 60


def measure(text: str) -> int:
    """Return the columns a text takes in a terminal."""
    return sum(_columns(character) for character in text)


def pad(text: str, width: int) -> str:
    """Return the text with spaces up to the width, cut with an ellipsis if it is wider."""
    shown = cut(text, width)
    return shown + " " * (width - measure(shown))


def cut(text: str, width: int) -> str:
    """Return the text, cut with an ellipsis where it is wider than the width; control characters become spaces."""
    text = "".join(" " if unicodedata.category(character) == "Cc" else character for character in text)
    if measure(text) <= width:
        return text
    taken, room = "", width - 1
    for character in text:
        room -= _columns(character)
        if room < 0:
            break
        taken += character
    return taken.rstrip() + "…"


def fill(text: str, first: str, indent: int) -> str:
    """Return the text as a paragraph after ``first``, its further lines indented; words are never broken."""
    return textwrap.fill(
        text,
        width=find_width(),
        initial_indent=pad(first, indent) if len(first) < indent else first,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def align(rows: Sequence[Sequence[str]], *, indent: int = 0, right: Sequence[int] = (), widest: int = 40) -> list[str]:
    """Return one line a row with its columns aligned, each as wide as its widest cell; the last is cut by the terminal.

    Args:
        rows: cells; every row as many.
        indent: spaces before each line.
        right: columns of figures, aligned at their right end.
        widest: no column but the last is wider.
    """
    if not rows:
        return []
    widths = [min(widest, max(map(measure, column))) for column in zip(*rows, strict=True)]
    widths[-1] = max(20, find_width() - indent - sum(widths[:-1]) - 2 * len(widths[:-1]))
    lines = []
    for row in rows:
        cells = [pad(cell, width) for cell, width in zip(row, widths, strict=True)]
        for column in right:
            cells[column] = " " * (widths[column] - measure(row[column])) + row[column]
        lines.append((" " * indent + "  ".join(cells)).rstrip())
    return lines


def count(number: object, what: str) -> str:
    """Return the number with the word after it, in the plural where it is not one."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def find_width() -> int:
    """Return the columns of the terminal, within reason; a pipe has ``WIDEST``."""
    return max(NARROWEST, min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns))


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
