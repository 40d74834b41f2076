"""The surface the plots are drawn on: a matplotlib figure that leaves as one inline SVG in the page's own colours.

matplotlib draws in stand-in colours and stand-in words. Both are replaced in the finished SVG: the colours by CSS
variables, so that the page's light or dark scheme decides, and the words by the real text, so that a tag is never read
as mathematics, never needs a font on the machine that draws, and is escaped in one place.
"""

import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 302.4, 223.2  # ours: 4.2 x 3.1 inch in points, about one CSS pixel a point on a phone
SIZE = 9.0  # ours: points, and so about 9.5 px on a phone
SERIES = 6  # the page's palette: variables --series-1 to --series-6

INK, MUTED, GRID, SURFACE = "#010a01", "#010a02", "#010a03", "#010a04"
_VARIABLES = {INK: "--ink", MUTED: "--muted", GRID: "--grid", SURFACE: "--surface"} | {
    f"#0a01{n:02x}": f"--series-{n}" for n in range(1, SERIES + 1)
}
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tagflow",
    "font.family": ["DejaVu Sans"],  # comes with matplotlib: the same layout everywhere; the page's fonts are drawn
    "font.size": SIZE,
    "axes.grid": False,
    "axes.facecolor": "none",
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "xtick.direction": "out",
    "ytick.direction": "out",
    "path.simplify": False,
}
_SVG, _LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]+")

Rectangle = tuple[float, float, float, float]


def plain(text: str) -> str:
    """Return the text on one line, without control characters and marks that turn the reading direction."""
    return " ".join(_UNSEEN.sub(" ", text).split())


def cut(text: str, length: int) -> str:
    """Return the text, with … in place of what goes beyond ``length`` characters."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def measure_text(text: str, size: float = SIZE) -> float:
    """Return about how wide the text is drawn, in points; no font is asked."""
    return size * sum(1.0 if unicodedata.east_asian_width(letter) in "WF" else 0.56 for letter in text)


def series_colour(place: int) -> str:
    """Return the stand-in colour of the series at this place, from 0; beyond the palette it starts again."""
    return f"#0a01{place % SERIES + 1:02x}"


class Canvas:
    """One plot while it is drawn; ``axes`` takes the marks, ``write`` every word that is not a number on an axis."""

    def __init__(self, name: str, title: str, rectangle: Rectangle) -> None:
        """Open a figure.

        Args:
            name: unique on the page, letters and hyphens; opens every id.
            title: what the plot shows, for those who hear it.
            rectangle: left, bottom, width and height of the axes in points.
        """
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure

        self.name, self.title = name, title
        self._figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72))
        FigureCanvasSVG(self._figure)
        left, bottom, width, height = rectangle
        self.axes: Axes = self._figure.add_axes((left / WIDTH, bottom / HEIGHT, width / WIDTH, height / HEIGHT))
        self._figure.patch.set_visible(False)
        self.axes.patch.set_visible(False)
        for side in ("top", "right", "left"):
            self.axes.spines[side].set_visible(False)
        self.axes.spines["bottom"].set_color(GRID)
        self.axes.tick_params(colors=MUTED, length=0, pad=4, labelsize=SIZE)
        self._words: list[str] = []
        self._hints: dict[str, Sequence[str]] = {}

    def rule(self, axis: Literal["x", "y", "both"] = "y") -> None:
        """Draw light lines across the axes at its ticks, behind the marks."""
        self.axes.set_axisbelow(True)
        self.axes.grid(visible=True, axis=axis, color=GRID, linewidth=0.6)

    def write(
        self,
        x: float,
        y: float,
        text: str,
        *,
        colour: str = INK,
        size: float = SIZE,
        align: Literal["left", "center", "right"] = "left",
        weight: str = "normal",
    ) -> None:
        """Write a line of text, its middle at height ``y``; points from the figure's lower left corner."""
        self._figure.text(
            x / WIDTH,
            y / HEIGHT,
            f"word{len(self._words)}",
            color=colour,
            fontsize=size,
            ha=align,
            va="center_baseline",
            weight=weight,
        )
        self._words.append(plain(text))

    def mark(self, x: float, y: float, colour: str, marker: str = "s") -> None:
        """Draw the sign of a series, as legends do; points from the figure's lower left corner."""
        from matplotlib.lines import Line2D

        line = Line2D(
            [x / WIDTH],
            [y / HEIGHT],
            marker=marker,
            markersize=6,
            color=colour,
            markeredgewidth=0,
            linestyle="",
            transform=self._figure.transFigure,
        )
        self._figure.add_artist(line)

    def explain(self, marks: str, hints: Sequence[str]) -> None:
        """Give each mark of the collection with the gid ``marks`` a text that shows under the pointer."""
        self._hints[marks] = [plain(hint) for hint in hints]

    def svg(self) -> str:
        """Return the plot as one ``<svg>`` element for an HTML page: no fixed size, no ground, no outside reference."""
        buffer = io.BytesIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        self._figure.savefig(buffer, format="svg", metadata=nothing)
        root = ElementTree.fromstring(buffer.getvalue())
        root.attrib = {
            "viewBox": f"0 0 {WIDTH} {HEIGHT}",
            "role": "img",
            "class": "plot",
            "style": "stroke-linejoin: round; stroke-linecap: butt",
        }
        for child in [
            child for child in root if child.tag == f"{_SVG}metadata" or child.find(f"{_SVG}style") is not None
        ]:
            root.remove(child)  # matplotlib's style would reach the whole page
        self._add_hints(root)
        for element in root.iter():
            self._adopt(element)
        self._name_apart(root)
        title = ElementTree.Element(f"{_SVG}title")
        title.text = plain(self.title)
        root.insert(0, title)
        ElementTree.register_namespace("", _SVG[1:-1])
        return ElementTree.tostring(root, encoding="unicode")

    def _adopt(self, element: ElementTree.Element) -> None:
        """Put the page's colours, fonts and the real words into one element."""
        element.text, element.tail = (element.text or "").strip(), None
        if found := re.fullmatch(r"word(\d+)", element.text):
            element.text = self._words[int(found.group(1))]
        if style := element.get("style"):
            style = re.sub("|".join(_VARIABLES), lambda found: f"var({_VARIABLES[found.group()]})", style)
            element.set("style", re.sub(r"'DejaVu Sans'[^;]*", "var(--font)", style))
        if path := element.get("d"):
            element.set("d", " ".join(_round(path).split()))
        for name in {"x", "y", "transform"} & element.attrib.keys():
            element.set(name, _round(element.attrib[name]))
        if element.get("transform", "").startswith("rotate(-0 "):
            del element.attrib["transform"]

    def _add_hints(self, root: ElementTree.Element) -> None:
        for marks, hints in self._hints.items():
            (group,) = (element for element in root.iter(f"{_SVG}g") if element.get("id") == marks)
            kept = {element for defs in group.iter(f"{_SVG}defs") for element in defs}
            drawn = [e for e in group.iter() if e.tag in (f"{_SVG}use", f"{_SVG}path") and e not in kept]
            for element, hint in zip(drawn, hints, strict=True):
                ElementTree.SubElement(element, f"{_SVG}title").text = hint

    def _name_apart(self, root: ElementTree.Element) -> None:
        """Let every id that is used start with the plot's name, and drop the others."""
        used = {(element.get(_LINK) or "")[1:] for element in root.iter()}
        used |= {target for element in root.iter() for target in re.findall(r"url\(#(\w+)\)", str(element.attrib))}
        names = {name: f"{self.name}-{place}" for place, name in enumerate(sorted(used - {""}), start=1)}
        for element in root.iter():
            if "id" in element.attrib:
                name = element.attrib.pop("id")
                if name in names:
                    element.set("id", names[name])
            if _LINK in element.attrib:
                element.set("href", f"#{names[element.attrib.pop(_LINK)[1:]]}")
            if "clip-path" in element.attrib:
                clip = re.sub(r"#(\w+)", lambda found: f"#{names[found.group(1)]}", element.attrib["clip-path"])
                element.set("clip-path", clip)


def _round(numbers: str) -> str:
    return re.sub(r"\d+\.\d{2,}", lambda found: f"{float(found.group()):.1f}", numbers)


@contextmanager
def open_canvas(name: str, title: str, rectangle: Rectangle) -> Iterator[Canvas]:
    """Give a canvas, and matplotlib's settings for as long as it is drawn on; arguments as of ``Canvas``."""
    import matplotlib

    with matplotlib.rc_context(_STYLE):
        yield Canvas(name, title, rectangle)
