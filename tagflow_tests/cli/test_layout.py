"""Plain text that stays aligned, also where a character is two columns wide."""

import pytest

from tagflow.cli.layout import align, count, cut, fill, measure, pad


@pytest.mark.parametrize(
    ("text", "columns"), [("soup", 4), ("辣椒", 4), ("çılbır", 6), ("e\u0301", 1), ("ｆ", 2), ("", 0)]
)
def test_a_text_is_as_wide_as_the_terminal_shows_it(text, columns):
    assert measure(text) == columns


def test_padding_and_cutting_go_by_columns():
    assert pad("辣椒", 6) == "辣椒  "
    assert pad("辣椒牛肉", 6) == "辣椒… "  # a third character would not leave room for the ellipsis
    assert cut("tomatoes", 5) == "toma…"
    assert cut("soup", 4) == "soup"


def test_control_characters_do_not_reach_the_terminal():
    assert cut("a\x1b[31m\tb", 20) == "a [31m b"


def test_columns_are_aligned_and_figures_stand_at_their_right_end(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert align([["辣椒", "9", "x"], ["soup", "10", "yy"]], indent=1, right=(1,)) == [
        " 辣椒   9  x",
        " soup  10  yy",
    ]
    assert align([]) == []


def test_the_last_column_ends_where_the_terminal_does(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    (line,) = align([["a", "b " * 60]])
    assert measure(line) <= 60
    assert line.endswith("…")


def test_a_paragraph_hangs_under_its_first_word(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    lines = fill("word " * 20, "  why", 8).splitlines()
    assert lines[0].startswith("  why   word")
    assert all(line.startswith("        word") and len(line) <= 60 for line in lines[1:])
    assert len(lines) == 2


def test_one_is_no_plural():
    assert [count(number, "content") for number in (0, 1, 1200)] == ["0 contents", "1 content", "1,200 contents"]
