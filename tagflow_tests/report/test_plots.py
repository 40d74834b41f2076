"""The plots: each draws its table's figures, names its series, and says when there is nothing to draw."""

import re
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

from tagflow.report.plots import (
    place_names,
    plot_accuracy_coverage,
    plot_candidate_recall,
    plot_least_effort,
    plot_popularity,
    plot_reliability,
    plot_tag_map,
    spread,
)
from tagflow.schemas import EVALUATION_REPORT
from tagflow_tests.frames import make_table

SVG = "{http://www.w3.org/2000/svg}"
PLOTS = {
    "popularity": plot_popularity,
    "least_effort": plot_least_effort,
    "test_reliability": plot_reliability,
    "accuracy_coverage": plot_accuracy_coverage,
    "candidate_recall": plot_candidate_recall,
    "tag_map": plot_tag_map,
}


def table(name: str, *rows: tuple[object, ...]) -> pl.DataFrame:
    """Return a table of the report from rows of its columns in order."""
    columns = EVALUATION_REPORT.tables[name].columns
    return make_table("evaluation_report", [dict(zip(columns, row, strict=True)) for row in rows], name)


def texts(svg: str) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def boxes(svg: str, series: int, tag: str = "path") -> list[tuple[float, float, float, float]]:
    """Return left, top, right and bottom of every closed shape filled with the series' colour, outside of legends."""
    found = []
    for group in ElementTree.fromstring(svg).iter(f"{SVG}{tag}"):
        if f"fill: var(--series-{series})" in group.get("style", "") and group.get("d", "").endswith("z"):
            numbers = [float(number) for number in re.findall(r"-?[\d.]+", group.attrib["d"])]
            found.append((min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2])))
    return found


@pytest.mark.parametrize("name", PLOTS)
def test_an_empty_table_gives_a_sentence(name: str) -> None:
    sentence = PLOTS[name](EVALUATION_REPORT.tables[name].empty())
    assert re.fullmatch(r"No [^<>]*\.", sentence)


def test_popularity_has_bins_that_double_and_shares_of_the_assigned_tags() -> None:
    """People: 2 tags once, 1 + 1 two or three times, 4 four times: shares 2/8, 2/8, 4/8, and none from 8 on."""
    people = [("people", 1, 2), ("people", 2, 1), ("people", 3, 1), ("people", 4, 4)]
    svg = plot_popularity(table("popularity", *people, ("tagflow", 15, 3)))
    heights = [bottom - top for _, top, _, bottom in boxes(svg, 2)]
    assert np.array(heights) / heights[0] == pytest.approx([1, 1, 2], abs=0.02)
    (ours,) = boxes(svg, 1)
    assert (ours[3] - ours[1]) / heights[0] == pytest.approx(4, abs=0.02)
    assert ours[0] > boxes(svg, 2)[-1][2]
    said = texts(svg)
    assert {"people", "tagflow", "share of tags", "contents a tag is assigned to"} <= set(said)
    assert [text for text in said if text.isdigit()] == ["1", "2", "4", "8", "16"]


def test_one_tag_set_alone_is_drawn_without_the_other() -> None:
    svg = plot_popularity(table("popularity", ("tagflow", 1, 2)))
    assert "people" not in texts(svg)
    assert len(boxes(svg, 1)) == 1
    assert boxes(svg, 2) == []


def test_least_effort_counts_tags_a_content_and_says_the_mean() -> None:
    """One content with 1 tag, three with 3: mean 2.5, shares 1/4 and 3/4."""
    svg = plot_least_effort(table("least_effort", ("people", 1, 1), ("people", 3, 3)))
    first, third = (bottom - top for _, top, _, bottom in boxes(svg, 2))
    assert third / first == pytest.approx(3, abs=0.05)
    assert "people, mean 2.5" in texts(svg)
    assert [text for text in texts(svg) if text.isdigit()] == ["1", "2", "3"]


def test_the_last_bar_of_least_effort_stands_for_the_tail() -> None:
    """99 of 100 contents have up to 2 tags, so the one with 90 joins them in a last bar from 2 on."""
    svg = plot_least_effort(table("least_effort", ("people", 1, 50), ("people", 2, 49), ("people", 90, 1)))
    first, last = (bottom - top for _, top, _, bottom in boxes(svg, 2))
    assert last == pytest.approx(first, abs=0.2)
    assert "2+" in texts(svg)
    many = plot_least_effort(table("least_effort", ("people", 19, 1), ("people", 40, 1), ("people", 50, 1)))
    assert "20+" in texts(many)
    assert len(boxes(many, 2)) == 2


def test_a_reliability_marker_s_area_grows_with_its_pairs() -> None:
    bins = [("mine", 1, 0.2, 0.1, 25), ("mine", 2, 0.8, 0.9, 100)]
    svg = plot_reliability(table("test_reliability", *bins))
    small, large = boxes(svg, 1)
    assert (large[2] - large[0]) / (small[2] - small[0]) == pytest.approx(2, abs=0.1)
    assert (small[0] + small[2]) / 2 == pytest.approx(36 + 0.2 * 160, abs=0.2)
    assert (large[1] + large[3]) / 2 == pytest.approx(223.2 - 34 - 0.9 * 160, abs=0.2)
    assert "stroke-dasharray" in svg


def test_the_own_method_has_the_first_colour_and_the_others_follow_by_name() -> None:
    rows = [(method, 1, 0.5, 0.5, 10) for method in ("a", "b", "mine")]
    svg = plot_reliability(table("test_reliability", *rows), ["mine"])
    assert [text for text in texts(svg) if text in ("a", "b", "mine")] == ["mine", "a", "b"]


def test_accuracy_over_coverage_has_a_line_for_each_number_of_tags() -> None:
    rows = [("m", 0.0, 1, 0.5, 1.0, 9), ("m", 0.5, 1, 0.9, 0.4, 4), ("m", 0.95, 1, None, 0.0, 0)]
    rows += [("m", cut, 2, accuracy, coverage / 2, tags) for _, cut, _, accuracy, coverage, tags in rows]
    svg = plot_accuracy_coverage(table("accuracy_coverage", *rows))
    assert {"first tag", "first 2 tags"} <= set(texts(svg))
    assert "var(--series-1)" in svg
    assert "var(--series-2)" in svg
    assert texts(plot_accuracy_coverage(table("accuracy_coverage", *rows[:3]))).count("first 2 tags") == 0


def test_every_recall_line_is_named_at_its_end_in_its_colour() -> None:
    rows = [("high", 1, 0.5, 9), ("high", 5, 0.9, 9), ("low", 1, 0.1, 9), ("low", 5, 0.2, 9)]
    root = ElementTree.fromstring(plot_candidate_recall(table("candidate_recall", *rows), ["low"]))
    named = {text.text: text for text in root.iter(f"{SVG}text") if text.text in ("high", "low")}
    assert "fill: var(--series-1)" in named["low"].attrib["style"]
    assert "fill: var(--series-2)" in named["high"].attrib["style"]
    assert float(named["high"].attrib["y"]) < float(named["low"].attrib["y"])


def test_lines_that_end_together_are_named_apart() -> None:
    rows = [(method, 5, 0.5, 9) for method in ("a", "b", "c")]
    root = ElementTree.fromstring(plot_candidate_recall(table("candidate_recall", *rows)))
    heights = sorted(float(text.attrib["y"]) for text in root.iter(f"{SVG}text") if text.text in ("a", "b", "c"))
    assert np.diff(heights) == pytest.approx([12, 12], abs=0.15)


def test_no_recall_at_all_is_drawn_as_such() -> None:
    assert "mine" in texts(plot_candidate_recall(table("candidate_recall", ("mine", 5, 0.0, 9))))


def test_labels_move_apart_as_little_as_needed_and_stay_in_bounds() -> None:
    assert spread([50, 10, 52], 10, 0, 100) == [50, 10, 60]
    assert spread([95, 99], 10, 0, 100) == [90, 100]


def test_the_map_s_dots_have_the_area_of_their_contents_and_say_more_under_the_pointer() -> None:
    svg = plot_tag_map(table("tag_map", ("s", "soup", 0.1, 0.5, 4000), ("r", "rice", 0.9, 0.5, 1000)))
    soup, rice = boxes(svg, 1)
    assert (soup[2] - soup[0]) / (rice[2] - rice[0]) == pytest.approx(2, abs=0.02)
    assert soup[2] < rice[0]
    assert texts(svg) == ["soup", "rice"]
    hints = [title.text for title in ElementTree.fromstring(svg).iter(f"{SVG}title")][1:]
    assert hints == ["soup: 4,000", "rice: 1,000"]


@pytest.mark.filterwarnings("error")
def test_tags_of_any_script_and_any_malice_stand_on_the_map_as_text() -> None:
    names = ["家常菜", "<script>alert(1)</script>", '"onload="x', "$\\alpha$", "a\x00\nb", "日" * 50]
    rows = [(str(place), name, place / 5, (place * 2 % 5) / 4, 9) for place, name in enumerate(names)]
    svg = plot_tag_map(table("tag_map", *rows))
    assert {"家常菜", '"onload="x', "$\\alpha$", "a b", "<script>alert(1)</scr…", "日" * 21 + "…"} == set(texts(svg))
    assert "<script" not in svg


def test_only_the_most_assigned_tags_are_named() -> None:
    rows = [(f"{place:03}", f"t{place}", place % 10 / 9, place // 10 / 9, 1000 - place) for place in range(100)]
    named = texts(plot_tag_map(table("tag_map", *rows)))
    assert 20 < len(named) <= 40
    assert set(named) <= {f"t{place}" for place in range(40)}


def test_names_never_overlap_and_stay_inside() -> None:
    rng = np.random.default_rng(7)
    x, y = rng.uniform(0, 300, 60), rng.uniform(0, 220, 60)
    placed = list(place_names(["a longer name"] * 60, x, y, np.full(60, 4.0), 8).values())
    assert len(placed) > 10
    for place, (left, bottom, right, top) in enumerate(placed):
        assert left >= 0 and bottom >= 0 and right <= 302.4 and top <= 223.2
        for other in placed[:place]:
            assert right <= other[0] or other[2] <= left or top <= other[1] or other[3] <= bottom


def test_a_name_that_finds_no_place_is_left_out() -> None:
    """At one point eight names of one width fit around a dot at most; the ninth never does."""
    same = np.full(9, 150.0)
    assert len(place_names(["name"] * 9, same, np.full(9, 100.0), np.full(9, 3.0), 8)) < 9
