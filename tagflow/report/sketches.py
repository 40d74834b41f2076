"""Sketches for Dagster's asset pages: images and tables in Markdown short enough to be shown inline.

Dagster 1.13 shows Markdown in full only below 1,000 characters; every sketch stays below that.
"""

import base64
import math
import re
from collections.abc import Sequence

import polars as pl

from tagflow.report.canvas import cut, plain

LIMIT = 999  # characters, the longest that Dagster shows in full
MARKS = 60  # ours: as many bars or points as always fit into LIMIT
WIDTH, HEIGHT = 300, 80  # ours
COLOUR = "#3f83d2"  # ours: contrast about 4 on white and on near black
DIAGONAL = f'<path d="M0 {HEIGHT}L{WIDTH} 0" stroke="#888" stroke-dasharray="4"/>'
WIDTHS = (40, 24, 18, 12, 6)  # ours: characters of a cell, tried in turn
LINE = 54  # ours: characters of a row that Dagster shows beside a key's name in a window 1,400 pixels wide
GAP = 2  # about what stands between two cells, in characters

_ACTIVE = re.compile(r"[\\`*_\[\]<>|~&$^!]")
_ADDRESS = re.compile(r"(?i)(www|:)(?=[./])|@")
_TITLE = re.compile(r"[^\w\s,.:;%/+-]")


def sketch_bars(heights: Sequence[float], title: str, ends: tuple[float, float] | None = None) -> str:
    """Return a Markdown image of bars from zero, in order; more than 60 are added up in groups of neighbours (ours).

    Heights below zero and those that are no numbers draw nothing.

    Args:
        heights: of the bars.
        title: what the image shows.
        ends: where the axis begins and ends, said below the image if there is room.
    """
    size = math.ceil(len(heights) / MARKS)
    clean = [max(0.0, height) if math.isfinite(height) else 0.0 for height in map(float, heights)]
    bars = [sum(clean[start : start + size]) for start in range(0, len(clean), size or 1)]
    if not bars:
        return _say_nothing(title)
    pitch, most = WIDTH // len(bars), max(bars) or 1.0
    rises = [round(HEIGHT * bar / most) for bar in bars]
    path = f"M{pitch // 2} {HEIGHT}" + "".join(f"v-{rise}m{pitch} {rise}" for rise in rises)
    image = _embed(path, f'stroke-width="{max(1, pitch * 4 // 5)}"', title)
    said = f"{image}\n\nfrom {ends[0]:,g} to {ends[1]:,g}" if ends else image
    return said if _count(said) <= LIMIT else image


def sketch_line(xs: Sequence[float], ys: Sequence[float], title: str, diagonal: bool = False) -> str:
    """Return a Markdown image of a line through the points, in order; of more than 60 every n-th is kept (ours).

    Args:
        xs: from left to right.
        ys: as many; points that are no numbers are left out.
        title: what the image shows.
        diagonal: both axes are [0, 1], and a dashed diagonal is drawn, as in a reliability diagram; otherwise each
            axis spans its values.
    """
    points = [(x, y) for x, y in zip(map(float, xs), map(float, ys), strict=True) if math.isfinite(x + y)]
    if not points:
        return _say_nothing(title)
    size = math.ceil(len(points) / MARKS)
    points = points[::size]
    spans = [(0.0, 1.0)] * 2 if diagonal else [(min(axis), max(axis)) for axis in zip(*points, strict=True)]
    (left, right), (low, high) = spans
    places = [f"{_scale(x, left, right, WIDTH)} {HEIGHT - _scale(y, low, high, HEIGHT)}" for x, y in points]
    path = f"M{'L'.join(places)}" if len(places) > 1 else f"M{places[0]}h1"
    return _embed(path, 'fill="none" stroke-width="2"', title, DIAGONAL if diagonal else "")


def sketch_table(frame: pl.DataFrame, rows: int) -> str:
    """Return the frame's first rows as a Markdown table in which no cell can do more than be read.

    Long cells are cut with …; where the table would grow too long or too wide to be seen it shows fewer rows, then
    narrower cells, then fewer columns.

    Args:
        frame: any columns; lists are joined with commas, shares have three decimals.
        rows: the most rows to show.
    """
    head, body = frame.columns, frame.head(rows).rows()
    for columns in range(len(head), 0, -1):
        for width in WIDTHS:
            shown = [[_show(value, width) for value in row[:columns]] for row in (tuple(head), *body)]
            if columns > 1 and sum(max(map(len, column)) + GAP for column in zip(*shown, strict=True)) > LINE:
                continue
            lines = [[_escape(text) for text in row] for row in shown]
            table = [f"|{'|'.join(line)}|" for line in lines]
            table.insert(
                1, "|" + "|".join("-:" if dtype.is_numeric() else "-" for dtype in frame.dtypes[:columns]) + "|"
            )
            for count in range(len(body), min(len(body), 3) - 1, -1):
                text = "\n".join(table[: count + 2])
                if _count(text) <= LIMIT:
                    return text
    return "The table has no columns." if not head else "The table is too wide to be shown here."


def _embed(path: str, look: str, title: str, ground: str = "") -> str:
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -1 {WIDTH} {HEIGHT + 2}" width="{WIDTH}">'
        f'{ground}<path d="{path}" stroke="{COLOUR}" {look}/></svg>'
    )
    data = f"](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"
    title = _clean_title(title)
    while _count(title) > LIMIT - len(data) - 2:
        title = cut(title, len(title) - 1)
    return f"![{title}{data}"


def _clean_title(title: str) -> str:
    return " ".join(_TITLE.sub(" ", plain(title)).replace("_", " ").split())


def _say_nothing(title: str) -> str:
    return f"{cut(_clean_title(title), 200)}: nothing to draw."


def _count(text: str) -> int:
    """Return the characters as a browser counts them: some letters are two."""
    return len(text.encode("utf-16-le")) // 2


def _scale(value: float, low: float, high: float, size: int) -> int:
    share = (value - low) / (high - low) if high > low else 0.5
    return round(size * min(max(share, 0.0), 1.0))


def _show(value: object, width: int) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list):
        value = ", ".join(str(part) for part in value)
    return cut(plain(str(value)), width)


def _escape(text: str) -> str:
    return _ADDRESS.sub("\\g<0>\u2060", _ACTIVE.sub(r"\\\g<0>", text))  # a word joiner inside an address: no link
