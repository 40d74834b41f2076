"""Numbers of tags, read by hand."""

import polars as pl
import pytest

from tagflow.tagset.numbers import read_chinese, read_numbers


def read(text: str, language: str = "en") -> list[str]:
    """Return the values of one text."""
    return read_numbers(pl.Series([text]), language)["values"].to_list()[0]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("route 66", ["66"]),
        ("django 3.10", ["3.10"]),
        ("django 3.1", ["3.1"]),
        ("web 2.0", ["2"]),
        ("twenty first century", ["21"]),
        ("21st century", ["21"]),
        ("twenty one pilots", ["21"]),
        ("third grade", ["3"]),
        ("star wars part iv", ["4"]),
        ("mix tapes", []),
        ("xl shirts", []),
        ("vi commands", []),
        ("jet li", []),
        ("10k steps", ["10000"]),
        ("5 km", ["5000000"]),
        ("90s music", ["1990"]),
        ("1990s music", ["1990"]),
        ("3 million", ["3000000"]),
        ("60 second timer", ["60"]),
        ("2 hours", ["7200"]),
        ("agent 007", ["7"]),
    ],
)
def test_english_numbers_have_one_value_in_every_notation(text, values):
    assert read(text) == values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("三年级数学", ["3"]),
        ("3年级数学", ["3"]),
        ("第二季", ["2"]),
        ("科目三技巧", ["3"]),
        ("十二月", ["12"]),
        ("初二英语", ["2"]),
        ("统一方便面", []),
        ("三明治", []),
        ("5公里", ["5000000"]),
    ],
)
def test_chinese_numerals_count_before_a_counter_or_after_a_rank_not_within_words(text, values):
    assert read(text, "zh") == values


@pytest.mark.parametrize(
    ("numeral", "value"), [("十", 10), ("二十三", 23), ("两百零五", 205), ("三万", 30000), ("二〇一九", 2019)]
)
def test_chinese_numerals_are_read(numeral, value):
    assert read_chinese(numeral) == value


def test_units_tell_the_dimension_and_the_rest_leaves_out_number_and_fillers():
    read = read_numbers(pl.Series(["top 10 hikes", "8 kg kettlebell"]), "en")
    assert read["rest"].to_list() == ["hikes", "kettlebell"]
    assert read["dimensions"].to_list() == [[], ["mass"]]
