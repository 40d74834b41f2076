"""A content without one of its fields is what it would have been had it never had it."""

import polars as pl

from tagflow.clues.conversion import convert_contents
from tagflow.clues.omission import list_fields, omit_field
from tagflow.settings import DatasetSettings
from tagflow_tests.frames import make_contents

BOTH = {"content_id": "both", "title": "Soup", "caption": "With beans."}
ONLY = {"content_id": "only", "caption": "Just this."}
SETTINGS = DatasetSettings()


def test_leaving_a_field_out_is_never_having_had_it() -> None:
    clues = convert_contents(make_contents(BOTH, ONLY), SETTINGS)
    without = omit_field(clues, "caption", SETTINGS.clues.budget)
    bare = convert_contents(make_contents({"content_id": "both", "title": "Soup"}), SETTINGS)
    assert without.equals(bare)


def test_a_content_that_says_nothing_else_or_lacks_the_field_is_left_out() -> None:
    clues = convert_contents(make_contents(BOTH, ONLY), SETTINGS)
    assert omit_field(clues, "title", 1500)["content_id"].to_list() == ["both"]
    assert omit_field(clues, "asr", 1500).is_empty()


def test_the_fields_are_listed_in_packing_order() -> None:
    assert list_fields(convert_contents(make_contents(ONLY, BOTH), SETTINGS)) == ["title", "caption"]
    assert list_fields(convert_contents(make_contents(), SETTINGS).clear()) == []


def test_what_is_left_is_packed_into_the_whole_budget() -> None:
    long = {"content_id": "c", "title": "a" * 10, "caption": "b" * 10}
    clues = convert_contents(make_contents(long), SETTINGS)
    assert omit_field(clues, "title", 8).select(pl.col("text").str.len_chars()).item() == 8
