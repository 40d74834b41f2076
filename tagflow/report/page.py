"""The report as one HTML page that stands alone: no request to anywhere, no script, light and dark, phone and print."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from tagflow.report.canvas import plain
from tagflow.report.details import list_cases, list_clues, list_costs, list_tags, list_verdicts, list_words
from tagflow.report.plots import (
    plot_accuracy_coverage,
    plot_candidate_recall,
    plot_least_effort,
    plot_popularity,
    plot_reliability,
    plot_tag_map,
)
from tagflow.schemas import EVALUATION_REPORT
from tagflow.settings import DatasetSettings
from tagflow.tables import Tables, check_tables

LEADERBOARD = ("nDCG@10", "P@1", "R@10", "F1@5")  # ours: order, the first tag, what is found, both
ANSWERS = ("precision", "recall", "F1")
OURS, PEOPLE = "tag set: tagflow", "tag set: people"
COUNTS = ("tags in the set", "tags assigned")
MEANS = ("least effort: tags a content", "#Right")
QUALITY = {
    "tags in the set": ("Tags in the set", "whether they are assigned or not"),
    "tags assigned": ("Tags in use", "on at least one content"),
    "coverage": ("Contents with a tag", "at least one; for people, of the contents they labelled"),
    "least effort: tags a content": ("Tags on a content", "mean over the contents that have one"),
    "popularity: one-content share": ("Tags on one content only", "they link nothing: fewer is better"),
    "popularity: often": ("Tags on more than ten contents", "tags that group contents"),
    "popularity: Gini": ("Unevenness of use (Gini)", "0: all tags are used equally often"),
    "in-content redundancy": (
        "Redundant tags on a content",
        "another of its tags says nearly the same: fewer is better",
    ),
    "uniformity: similar pairs": ("Pairs of tags that mean the same", "of all pairs in the set: fewer is better"),
    "gold in the tag set": ("Held-out labels it can name", "of those people used twice elsewhere: more is better"),
}
"""Metrics of a tag set: what a person calls them and how to read them."""

if TYPE_CHECKING:
    from jinja2 import Template

Row = Mapping[str, Any]
Rows = Mapping[tuple[str, str], Row]


def render_page(name: str, settings: DatasetSettings, tables: Tables, facts: Mapping[str, object]) -> str:
    """Return the report of one dataset as an HTML page.

    Args:
        name: the dataset.
        settings: its settings; name its own method, its language and its description.
        tables: the tables of ``evaluation_report``.
        facts: what to know about the run, by name, shown in this order below the headline: date, versions.

    Raises:
        ArtifactError: the tables are not those of ``evaluation_report``.
    """
    tables = check_tables(EVALUATION_REPORT, tables)
    records = tables["evaluation_report"].to_dicts()
    rows: Rows = {(row["method"], row["metric"]): row for row in records}
    own = settings.tagging.method
    notes = [row["note"] or "" for row in records if row["metric"] == "evaluation"]
    methods = sorted({row["method"] for row in records if row["metric"] in LEADERBOARD})
    order = [own, *(method for method in methods if method != own)]
    return _load_template().render(
        name=name,
        settings=settings,
        own=own,
        facts=[(label, _say(value)) for label, value in facts.items()],
        unmeasured=_tell_why(notes, methods),
        counts=_tell_counts(rows),
        scores=_tell_scores(rows, own),
        scored=max((row["n"] for (_, metric), row in rows.items() if metric == LEADERBOARD[0]), default=0),
        metrics=LEADERBOARD,
        board=_rank_methods(rows, methods),
        verdicts=list_verdicts(tables["differences"], LEADERBOARD[0]),
        clues=list_clues(tables["clue_results"]),
        costs=list_costs(tables["method_costs"]),
        tags=list_tags(tables["tag_results"]),
        cases=list_cases(tables["cases"]),
        words={tag_set: list_words(tables["words"], tag_set) for tag_set in ("people", "tagflow")},
        answers=[(metric, _number(rows[own, metric])) for metric in ANSWERS if (own, metric) in rows],
        quality=_compare_tag_sets(rows),
        plots={
            "recall": plot_candidate_recall(tables["candidate_recall"], order),
            "reliability": plot_reliability(tables["test_reliability"], order),
            "cuts": plot_accuracy_coverage(tables["accuracy_coverage"]),
            "popularity": plot_popularity(tables["popularity"]),
            "effort": plot_least_effort(tables["least_effort"]),
            "map": plot_tag_map(tables["tag_map"]),
        },
        groups=_group_metrics(records),
        total=len(records),
    )


def _load_template() -> "Template":
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    surroundings = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) or not isinstance(value, str) else plain(value),
    )
    surroundings.filters["drawing"] = Markup  # a plot escapes what it writes
    return surroundings.from_string(files("tagflow.report").joinpath("page.html.jinja").read_text(encoding="utf-8"))


def _tell_why(notes: Sequence[str], methods: Sequence[str]) -> str:
    """Return why nothing was evaluated, without the words that say so; empty if something was."""
    if not notes:
        return "" if methods else "no method was measured"
    return notes[0].removeprefix("not evaluated: ") or "the report does not say why"


def _tell_counts(rows: Rows) -> list[tuple[str, str, str]]:
    """Return label, figure and sentence of the dataset's four first figures."""
    cover, share = rows.get((OURS, "coverage")), rows.get((OURS, "popularity: one-content share"))
    tags, used = rows.get((OURS, "tags in the set")), rows.get((OURS, "tags assigned"))
    return [
        ("Contents", f"{cover['n']:,}" if cover else "–", "were read."),
        ("Tags", _number(tags), f"are in the tag set; {_number(used)} of them are on a content."),
        ("Tagged", _percent(cover), "of the contents have at least one tag."),
        ("One-content tags", _percent(share), "of the tags in use are on one content only, and link nothing."),
    ]


def _tell_scores(rows: Rows, own: str) -> list[tuple[str, str, str, str]]:
    """Return label, figure, interval and sentence of what the own method reached; empty if it was not measured."""
    order, first, gap = (rows.get((own, metric)) for metric in ("nDCG@10", "P@1", "ECE"))
    told = []
    if order and order["value"] is not None:
        sentence = "How right and how well ordered the first ten tags are; 1 is perfect."
        told.append(("nDCG@10", _number(order), _interval(order), sentence))
    if first and first["value"] is not None:
        sentence = f"On {100 * first['value']:.0f} of 100 held-out contents the first tag is right."
        told.append(("P@1", _number(first), _interval(first), sentence))
    if gap and gap["value"] is not None:
        sentence = f"A stated confidence is off by {100 * gap['value']:.1f} points of 100 on average; 0 is exact."
        told.append(("ECE", _number(gap), _interval(gap), sentence))
    return told


def _rank_methods(rows: Rows, methods: Sequence[str]) -> list[dict[str, Any]]:
    """Return the leaderboard: methods by the first metric, best first, with cells and the ends of the interval."""
    best = {
        metric: max((rows[key]["value"] or 0.0 for key in rows if key[1] == metric and key[0] in methods), default=0.0)
        for metric in LEADERBOARD
    }
    first = LEADERBOARD[0]
    board = []
    for method in sorted(methods, key=lambda name: (-(_value(rows, name, first) or 0.0), name)):
        cells = []
        for metric in LEADERBOARD:
            row = rows.get((method, metric))
            value = _value(rows, method, metric)
            cells.append((_number(row), _interval(row), value is not None and value == best[metric] > 0))
        leading = rows.get((method, first))
        ends = None
        if leading and leading["low"] is not None and leading["high"] is not None:
            ends = [round(100 * leading[end], 1) for end in ("low", "value", "high")]
        board.append({"method": method, "cells": cells, "ends": ends})
    return board


def _compare_tag_sets(rows: Rows) -> list[tuple[str, str, str, str]]:
    """Return name, how to read it, people's value and tagflow's, of every metric of a tag set."""
    there = {metric: row for (method, metric), row in rows.items() if method in (OURS, PEOPLE)}
    table = []
    for metric in [*(known for known in QUALITY if known in there), *(new for new in there if new not in QUALITY)]:
        title, meaning = QUALITY.get(metric, (metric, there[metric]["note"] or ""))
        shown = _number if metric in (*COUNTS, *MEANS, "popularity: Gini") or metric not in QUALITY else _percent
        table.append((title, meaning, shown(rows.get((PEOPLE, metric))), shown(rows.get((OURS, metric)))))
    return table


def _group_metrics(records: Sequence[Row]) -> dict[str, list[dict[str, str]]]:
    """Return every row of the report, by method, in the report's order."""
    groups: dict[str, list[dict[str, str]]] = {}
    for row in records:
        shown = {"metric": row["metric"], "value": _number(row), "interval": _interval(row)}
        groups.setdefault(row["method"], []).append({**shown, "n": f"{row['n']:,}", "note": row["note"] or ""})
    return groups


def _value(rows: Rows, method: str, metric: str) -> float | None:
    return rows[method, metric]["value"] if (method, metric) in rows else None


def _number(row: Row | None) -> str:
    if row is None or row["value"] is None:
        return "–"
    if row["metric"] in COUNTS:
        return f"{row['value']:,.0f}"
    if row["metric"] in MEANS:
        return f"{row['value']:.1f}"
    return f"{row['value']:.4f}" if 0 < row["value"] < 0.01 else f"{row['value']:.3f}"


def _percent(row: Row | None) -> str:
    """Return a share in percent; one that is not quite all or nothing never reads as if it were."""
    if row is None or row["value"] is None:
        return "–"
    share = 100 * row["value"]
    if 99.5 <= share < 100:
        return "> 99 %"
    if 0 < share < 0.01:
        return "< 0.01 %"
    return f"{share:.{0 if share >= 10 or share == 0 else 1 if share >= 1 else 2}f} %"


def _interval(row: Row | None) -> str:
    if row is None or row["low"] is None or row["high"] is None:
        return ""
    digits = 1 if row["metric"] in MEANS else 3
    return f"{row['low']:.{digits}f}–{row['high']:.{digits}f}"


def _say(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}{f' {value.tzname()}' if value.tzinfo else ''}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
