"""Sketches: what they draw, that Dagster shows them in full, and that no cell or title can break out of them."""

import base64
import math
import re
from xml.etree import ElementTree

import polars as pl
import pytest

from tagflow.report.sketches import sketch_bars, sketch_line, sketch_table

IMAGE = re.compile(r"!\[([^\[\]]*)\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)")


def open_image(markdown: str) -> tuple[str, str]:
    """Return the image's title and the last path it draws."""
    found = IMAGE.fullmatch(markdown)
    assert found, markdown
    *_, path = ElementTree.fromstring(base64.b64decode(found.group(2)))
    return found.group(1), path.attrib["d"]


def test_bars_stand_side_by_side_at_their_share_of_the_tallest() -> None:
    """Four bars of 300: one each 75, its middle at 37; 80 is the full height."""
    assert open_image(sketch_bars([4, 2, 0, 1], "Uses")) == ("Uses", "M37 80v-80m75 80v-40m75 40v-0m75 0v-20m75 20")


def test_more_bars_than_fit_are_added_up_with_their_neighbours() -> None:
    """120 become 60 of two: 59 are 1 + 1, the last 1 + 3."""
    _, path = open_image(sketch_bars([1] * 119 + [3], "Uses"))
    assert path == "M2 80" + "v-40m5 40" * 59 + "v-80m5 80"


def test_a_height_that_is_no_number_or_below_zero_draws_nothing() -> None:
    assert open_image(sketch_bars([math.nan, -3, 5], "x"))[1] == "M50 80v-0m100 0v-0m100 0v-80m100 80"


def test_a_line_spans_its_values() -> None:
    assert open_image(sketch_line([1, 2, 5], [10, 20, 30], "x"))[1] == "M0 80L75 40L300 0"


def test_with_the_diagonal_both_axes_go_from_zero_to_one() -> None:
    image = sketch_line([0.5, 1.0], [0.25, 2.0], "x", diagonal=True)
    assert open_image(image)[1] == "M150 60L300 0"
    diagonal, _ = ElementTree.fromstring(base64.b64decode(IMAGE.fullmatch(image)[2]))
    assert diagonal.attrib["d"] == "M0 80L300 0"
    assert "stroke-dasharray" in diagonal.attrib


def test_a_line_of_one_point_or_of_equal_values_is_drawn_in_the_middle() -> None:
    assert open_image(sketch_line([3], [7], "x"))[1] == "M150 40h1"
    assert open_image(sketch_line([1, 2], [7, 7], "x"))[1] == "M0 40L300 40"


@pytest.mark.parametrize("sketch", [sketch_bars([], "Uses"), sketch_line([math.nan], [1], "Uses")])
def test_nothing_to_draw_is_said(sketch: str) -> None:
    assert sketch == "Uses: nothing to draw."


@pytest.mark.parametrize("count", [1, 59, 60, 61, 5000])
@pytest.mark.parametrize("title", ["t" * 2000, "𠮷" * 2000])
def test_every_image_is_short_enough_and_keeps_its_title_s_start(count: int, title: str) -> None:
    places = [300.0 + place for place in range(count)]
    for image in (
        sketch_bars([1e9] * count, title),
        sketch_line(places, [10.0 + place % 2 for place in range(count)], title),
        sketch_line([1.0] * count, [0.0] * count, title, diagonal=True),
    ):
        assert len(image.encode("utf-16-le")) // 2 < 1000
        assert open_image(image)[0][:5] == title[:5]


def test_a_title_cannot_end_the_image() -> None:
    title, _ = open_image(sketch_bars([1], "a](http://x) <b>\n`c`![d"))
    assert title == "a http://x b c d"


def test_a_table_says_names_then_rows_with_numbers_to_the_right() -> None:
    frame = pl.DataFrame({"tag": ["soup", "rice"], "contents": [3, 2], "share": [0.5, None], "like": [["a", "b"], []]})
    assert sketch_table(frame, 5).splitlines() == [
        "|tag|contents|share|like|",
        "|-|-:|-:|-|",
        "|soup|3|0.500|a, b|",
        "|rice|2|–||",
    ]


def test_a_table_shows_no_more_rows_than_asked() -> None:
    assert sketch_table(pl.DataFrame({"n": [1, 2, 3]}), 2).splitlines()[2:] == ["|1|", "|2|"]


def test_no_cell_can_do_more_than_be_read() -> None:
    frame = pl.DataFrame(
        {"tag": ["a|b\nc", "`x` *y* _z_", "<b>&amp;", "[l](http://u)", "www.u.v m@u.v", "\x00\u202e!"]}
    )
    assert sketch_table(frame, 9).splitlines()[2:] == [
        "|a\\|b c|",
        "|\\`x\\` \\*y\\* \\_z\\_|",
        "|\\<b\\>\\&amp;|",
        "|\\[l\\](http:\u2060//u)|",
        "|www\u2060.u.v m@\u2060u.v|",
        "|\\!|",
    ]


def test_a_long_cell_is_cut() -> None:
    assert sketch_table(pl.DataFrame({"tag": ["s" * 41]}), 1).splitlines()[2] == f"|{'s' * 39}…|"


def test_a_long_table_shows_fewer_rows() -> None:
    """Head and rule are 9 characters, every row 8 with its line break: (999 - 9) / 8 = 123 rows fit."""
    lines = sketch_table(pl.DataFrame({"tag": ["soupy"] * 500}), 500).splitlines()
    assert lines[:2] == ["|tag|", "|-|"]
    assert len(lines) == 2 + 123


def test_a_wide_table_has_narrower_cells_then_fewer_columns() -> None:
    wide = pl.DataFrame({f"column number {place}": ["|" * 50] * 3 for place in range(300)})
    text = sketch_table(wide, 3)
    assert len(text) < 1000
    head, _, *rows = text.splitlines()
    assert head.startswith("|colum…|")
    assert len(rows) == 3


def test_a_row_is_no_wider_than_what_is_seen_of_it() -> None:
    """Two cells of 40 characters are cut to 24, which with two between them are 52 of 54; three are cut to 12."""
    for columns, cell in ((1, 40), (2, 24), (3, 12)):
        frame = pl.DataFrame({f"c{place}": ["s" * 40] for place in range(columns)})
        row = sketch_table(frame, 1).splitlines()[2]
        assert [len(text) for text in row.strip("|").split("|")] == [cell] * columns


def test_a_table_without_columns_says_so() -> None:
    assert sketch_table(pl.DataFrame(), 3) == "The table has no columns."
