"""The plots of the evaluation report, each from one of its tables to one inline SVG, or a sentence if it is empty.

Every plot is 4.2 x 3.1 inch, so that its words stay readable on a phone. Series differ by colour, by sign and by a
label of their own.
"""

import math
from collections.abc import Sequence

import numpy as np
import polars as pl

from tagflow.report.canvas import (
    HEIGHT,
    MUTED,
    SURFACE,
    WIDTH,
    Canvas,
    cut,
    measure_text,
    open_canvas,
    plain,
    series_colour,
)

TAG_SETS = ("tagflow", "people")
SIGNS = ("o", "s", "^", "D", "v", "P")
SIGNED = 10  # ours: signs on a line, the most that stay apart
LONGEST_EFFORT, TAIL = 20, 0.01  # ours: the last bar stands for what lies beyond, at most 1 % or from 20 tags on
NAMED = 40  # ours: more names than that do not fit on the map
NAME_LENGTH, METHOD_LENGTH = 22, 17  # ours: characters of a tag on the map, of a method beside its line
LARGEST, SMALLEST = 11.0, 1.6  # ours: radius of a dot on the map, in points

Box = tuple[float, float, float, float]


def plot_popularity(table: pl.DataFrame) -> str:
    """Return the histogram of how often tags are assigned, people's beside tagflow's (TagGPT Fig. 4).

    Bins double: 1, 2-3, 4-7, …; heights are shares of each set's assigned tags.
    """
    table = table.filter(pl.col("tags") > 0)
    if table.is_empty():
        return "No tag is assigned yet, so there is no popularity to show."
    bins = table.select("tag_set", bin=pl.col("times").log(2).add(1e-9).floor().cast(pl.Int64), size="tags")
    last = int(bins.select(pl.col("bin").max()).item())
    title = "Popularity: share of the assigned tags by the number of contents they are assigned to"
    with open_canvas("popularity", title, (36, 34, 252, 150)) as canvas:
        _draw_shares(canvas, bins, "share of tags", "contents a tag is assigned to")
        step = 1 if last < 10 else 2
        canvas.axes.set_xticks([place - 0.5 for place in range(0, last + 2, step)])
        canvas.axes.set_xticklabels([f"{2**place}" for place in range(0, last + 2, step)])
        canvas.axes.set_xlim(-0.5, last + 0.5)
        return canvas.svg()


def plot_least_effort(table: pl.DataFrame) -> str:
    """Return the histogram of tags a content, people's beside tagflow's, as shares of the contents (TagGPT Fig. 5)."""
    table = table.filter(pl.col("contents") > 0)
    if table.is_empty():
        return "No content has a tag yet, so there is nothing to count."
    beyond = 1 - pl.col("contents").cum_sum().over("tag_set") / pl.col("contents").sum().over("tag_set")
    ends = table.sort("tag_set", "tags").filter(beyond.round(12) <= TAIL).group_by("tag_set").agg(pl.col("tags").min())
    last = min(LONGEST_EFFORT, int(ends.select(pl.col("tags").max()).item()))
    pooled = len(table.filter(pl.col("tags") > last)) > 0
    bins = table.select("tag_set", bin=pl.min_horizontal("tags", pl.lit(last)), size="contents")
    means = {
        name: f"{name}, mean {np.average(frame['tags'].to_numpy(), weights=frame['contents'].to_numpy()):.1f}"
        for (name,), frame in table.group_by("tag_set")
    }
    with open_canvas(
        "least-effort", "Least effort: share of the contents by their number of tags", (36, 34, 252, 150)
    ) as canvas:
        _draw_shares(canvas, bins, "share of contents", "tags on a content", means)
        step = 1 if last <= 12 else 2
        places = list(range(last, 0, -step))[::-1]
        canvas.axes.set_xticks(places)
        canvas.axes.set_xticklabels([f"{place}+" if pooled and place == last else f"{place}" for place in places])
        canvas.axes.set_xlim(0.5, last + 0.5)
        return canvas.svg()


def plot_reliability(table: pl.DataFrame, methods: Sequence[str] = ()) -> str:
    """Return the reliability diagram: the share of right tags at each confidence, a marker's area by its pairs.

    Args:
        table: ``test_reliability``.
        methods: methods in the order of their colours, the dataset's own first; others follow by name.
    """
    if table.is_empty():
        return "No candidate of a held-out content could be judged, so the confidence is not checked."
    most = float(table.select(pl.col("pairs").max()).item())
    with open_canvas(
        "reliability", "Reliability: share of right tags at each confidence; the diagonal is exact", (36, 34, 160, 160)
    ) as canvas:
        canvas.rule("both")
        canvas.axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (3, 3)), zorder=1)
        for place, name in enumerate(_order(table, methods)):
            bins, colour = table.filter(pl.col("method") == name).sort("bin"), series_colour(place)
            x, y = bins["confidence"].to_numpy(), bins["precision"].to_numpy()
            own, sign = place == 0, SIGNS[place % len(SIGNS)]
            areas = np.maximum((34 if own else 20) * bins["pairs"].to_numpy() / most, 3)
            top = 20 - place
            canvas.axes.plot(x, y, color=colour, linewidth=1.8 if own else 0.9, zorder=top)
            canvas.axes.scatter(
                x, y, s=areas, color=colour, marker=sign, edgecolor=SURFACE, linewidth=0.5, zorder=top, clip_on=False
            )
            canvas.mark(206, 187 - 16 * place, colour, sign)
            canvas.write(
                213, 187 - 16 * place, cut(plain(name), METHOD_LENGTH), weight="bold" if own else "normal", size=8.5
            )
        canvas.axes.set(xlim=(0, 1), ylim=(0, 1))
        _write_percents(canvas, "x")
        _write_percents(canvas, "y")
        canvas.write(41, 186, "too modest", colour=MUTED, size=8)
        canvas.write(191, 43, "too sure", colour=MUTED, size=8, align="right")
        _name_axes(canvas, "share right", "confidence (%)", 116)
        return canvas.svg()


def plot_candidate_recall(table: pl.DataFrame, methods: Sequence[str] = ()) -> str:
    """Return the share of gold tags among the first k candidates, a line a method with its name at the end.

    Args:
        table: ``candidate_recall``.
        methods: as of ``plot_reliability``.
    """
    if table.is_empty():
        return "No content with gold is held out, so recall is not measured."
    low, high = 34.0, 194.0
    top = min(1.0, 1.06 * float(table.select(pl.col("recall").max()).item())) or 1.0
    names = _order(table, methods)
    with open_canvas(
        "candidate-recall", "Candidate recall: share of the gold tags among the first k candidates", (36, low, 160, 160)
    ) as canvas:
        canvas.rule()
        ends = []
        for place, name in enumerate(names):
            line = table.filter(pl.col("method") == name).sort("k")
            canvas.axes.plot(
                line["k"].to_numpy(),
                line["recall"].to_numpy(),
                color=series_colour(place),
                linewidth=2 if place == 0 else 1.2,
                marker=SIGNS[place % len(SIGNS)],
                markersize=4.5 if place == 0 else 3.5,
                markeredgewidth=0,
                markevery=math.ceil(len(line) / SIGNED),
                zorder=20 - place,
                clip_on=False,
            )
            ends.append(low + (high - low) * float(line["recall"][-1]) / top)
        for place, height in enumerate(spread(ends, 12, low + 4, high)):
            canvas.write(
                204,
                height,
                cut(plain(names[place]), METHOD_LENGTH),
                colour=series_colour(place),
                weight="bold" if place == 0 else "normal",
                size=8.5,
            )
        canvas.axes.set(ylim=(0, top), xlim=(0, 1.02 * float(table.select(pl.col("k").max()).item())))
        canvas.axes.locator_params(axis="x", nbins=6, integer=True)
        _write_percents(canvas, "y")
        _name_axes(canvas, "gold tags found", "candidates looked at (k)", 116)
        return canvas.svg()


def plot_accuracy_coverage(table: pl.DataFrame) -> str:
    """Return accuracy over coverage as the least confidence rises, a line for each number of first tags.

    Args:
        table: ``accuracy_coverage`` of one method.
    """
    lines = table.filter(pl.col("tags") > 0)
    if lines.is_empty():
        return "No candidate of a held-out content could be judged, so no cut can be compared."
    with open_canvas(
        "accuracy-coverage",
        "Share of right tags over share of contents with a tag, by least confidence",
        (36, 34, 240, 160),
    ) as canvas:
        canvas.rule("both")
        for place, k in enumerate(lines["k"].unique().sort().to_list()):
            line, colour = lines.filter(pl.col("k") == k).sort("cut"), series_colour(place)
            x, y = line["coverage"].to_numpy(), line["accuracy"].to_numpy()
            sign = SIGNS[place % len(SIGNS)]
            canvas.axes.plot(
                x, y, color=colour, linewidth=1.8, marker=sign, markersize=4, markeredgewidth=0, clip_on=False
            )
            canvas.mark(46, 78 - 16 * place, colour, sign)
            canvas.write(53, 78 - 16 * place, "first tag" if k == 1 else f"first {k} tags", size=8.5)
        canvas.axes.set(xlim=(0, 1), ylim=(0, 1))
        _write_percents(canvas, "x")
        _write_percents(canvas, "y")
        _name_axes(canvas, "share right", "contents with so many tags (%)", 156)
        return canvas.svg()


def plot_tag_map(table: pl.DataFrame) -> str:
    """Return the map of the most assigned tags, a dot's area by contents; up to 40 are named, none over another (ours).

    The most assigned are named first, and a name that finds no free place is left out.
    """
    if table.is_empty():
        return "No tag is assigned yet, so there is no map."
    table = table.sort("contents", "tag_id", descending=[True, False])
    contents, tags = table["contents"].to_numpy(), [plain(tag) for tag in table["tag"].to_list()]
    radii = np.maximum(LARGEST * np.sqrt(contents / max(1, contents.max())), SMALLEST)
    x, y = 16 + table["x"].to_numpy() * (WIDTH - 32), 14 + table["y"].to_numpy() * (HEIGHT - 28)
    with open_canvas("tag-map", "Tag map: tags that mean alike lie close together", (0, 0, WIDTH, HEIGHT)) as canvas:
        canvas.axes.set_axis_off()
        canvas.axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
        canvas.axes.scatter(
            x, y, s=(2 * radii) ** 2, color=series_colour(0), alpha=0.5, edgecolor=SURFACE, linewidth=0.6, gid="dots"
        )
        canvas.explain("dots", [f"{tag}: {count:,}" for tag, count in zip(tags, contents.tolist(), strict=True)])
        names = [cut(tag, NAME_LENGTH) for tag in tags[:NAMED]]
        for place, (left, bottom, _, top) in place_names(names, x, y, radii, 8).items():
            canvas.write(left, (bottom + top) / 2, names[place], size=8)
        return canvas.svg()


def spread(heights: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return the heights moved as little as keeps their order, at least ``gap`` apart and, if they fit, in bounds."""
    order = sorted(range(len(heights)), key=lambda place: heights[place])
    moved = [0.0] * len(heights)
    floor = low
    for place in order:
        moved[place] = max(heights[place], floor)
        floor = moved[place] + gap
    ceiling = high
    for place in reversed(order):
        moved[place] = min(moved[place], ceiling)
        ceiling = moved[place] - gap
    return moved


def place_names(names: Sequence[str], x: np.ndarray, y: np.ndarray, radii: np.ndarray, size: float) -> dict[int, Box]:
    """Return the box (left, bottom, right, top) of every name that finds a place beside its dot, by position.

    Names come in order of importance. A box overlaps no other box and stays inside the figure; of the free places, the
    one over the least of the other dots is taken.
    """
    placed: dict[int, Box] = {}
    for place, name in enumerate(names):
        wide, tall, away = measure_text(name, size), 1.15 * size, float(radii[place]) + 1.5
        free: list[tuple[float, int, Box]] = []
        for across, up in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 0.7), (-1, 0.7), (1, -0.7), (-1, -0.7)):
            middle_x = float(x[place]) + across * ((away if abs(up) != 0.7 else 0.7 * away) + wide / 2)
            middle_y = float(y[place]) + up * (away + tall / 2)
            box = (middle_x - wide / 2, middle_y - tall / 2, middle_x + wide / 2, middle_y + tall / 2)
            inside = box[0] >= 0 and box[1] >= 0 and box[2] <= WIDTH and box[3] <= HEIGHT
            if inside and not any(_overlap(box, other) for other in placed.values()):
                free.append((_cover(box, place, x, y, radii), len(free), box))
        if free:
            placed[place] = min(free)[2]
    return placed


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _cover(box: Box, own: int, x: np.ndarray, y: np.ndarray, radii: np.ndarray) -> float:
    """Return the area of the other dots' squares that the box covers."""
    across = np.minimum(box[2], x + radii) - np.maximum(box[0], x - radii)
    up = np.minimum(box[3], y + radii) - np.maximum(box[1], y - radii)
    area = np.clip(across, 0, None) * np.clip(up, 0, None)
    return round(float(area.sum() - area[own]), 3)


def _draw_shares(
    canvas: Canvas, bins: pl.DataFrame, what: str, by: str, legend: dict[object, str] | None = None
) -> None:
    """Draw bars side by side, one colour a tag set, and the legend; bins are integers one apart."""
    canvas.rule()
    sets = [name for name in reversed(TAG_SETS) if name in bins["tag_set"]]
    width, at = 0.84 / len(sets), 34.0
    for place, name in enumerate(sets):
        heights = bins.filter(pl.col("tag_set") == name).group_by("bin").agg(pl.col("size").sum()).sort("bin")
        shares = heights["size"].to_numpy() / heights["size"].sum()
        colour = series_colour(TAG_SETS.index(name))
        canvas.axes.bar(
            heights["bin"].to_numpy() + (place - (len(sets) - 1) / 2) * width, shares, 0.94 * width, color=colour
        )
        label = legend[name] if legend else name
        canvas.mark(at + 4, 213, colour)
        canvas.write(at + 12, 213, label)
        at += 12 + measure_text(label) + 16
    _write_percents(canvas, "y")
    _name_axes(canvas, what, by, 165)


def _write_percents(canvas: Canvas, axis: str) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    ruled = canvas.axes.xaxis if axis == "x" else canvas.axes.yaxis
    ruled.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    ruled.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}{' %' if axis == 'y' else ''}"))


def _name_axes(canvas: Canvas, up: str, across: str, middle: float) -> None:
    top = canvas.axes.get_position().y1 * HEIGHT
    canvas.write(4, top + 13, up, colour=MUTED)
    canvas.write(middle, 8, across, colour=MUTED, align="center")


def _order(table: pl.DataFrame, methods: Sequence[str]) -> list[str]:
    there = sorted(set(table["method"].to_list()))
    return [name for name in methods if name in there] + [name for name in there if name not in methods]
