"""Where a name stands: the first clue that says it, as it is written there, with the words around it."""

import pytest

from tagflow.tagset.quotation import AROUND, quote_names
from tagflow_tests.worlds import raw_clues, said, tag_set


def quote(tags: dict[str, list[str]], cuts: list[dict[str, object]] | None = None, **clues: str) -> dict[str, tuple]:
    """Return for each tag that is found: field, before, said, after."""
    content = {**said("c", **clues), "cuts": cuts or []}
    rows = quote_names(raw_clues(content), tag_set(tags))
    return {row["tag_id"]: (row["field"], row["before"], row["said"], row["after"]) for row in rows.to_dicts()}


def test_the_first_clue_that_says_the_name_is_quoted_as_it_is_written():
    found = quote({"soup": []}, title="Dinner", caption="A SOUP, hot", asr="soup again")
    assert found == {"soup": ("caption", "A ", "SOUP", ", hot")}


def test_a_name_is_found_as_whole_words_whatever_stands_between_them():
    assert quote({"soy sauce": []}, title="with soy-sauce!") == {"soy sauce": ("title", "with ", "soy-sauce", "!")}
    assert quote({"open-data": []}, title="open data") == {"open-data": ("title", "", "open data", "")}
    assert quote({"pie": []}, title="pies and magpie") == {}


def test_an_alias_counts_and_the_name_that_stands_first_is_quoted():
    assert quote({"eggplant": ["aubergine"]}, title="aubergine or eggplant")["eggplant"][2] == "aubergine"
    assert quote({"oil": ["olive oil"]}, title="some olive oil")["oil"][1:3] == ("some ", "olive oil")
    assert quote({"pan": ["pan pizza"]}, title="a pan pizza")["pan"][2] == "pan pizza"


@pytest.mark.parametrize("name", ["c++", "c#", ".net"])
def test_marks_of_a_name_are_no_pattern(name):
    assert quote({name: []}, title=f"we like {name} here")[name][1:3] in [
        ("we like ", name),
        ("we like .", "net"),  # the dot of .NET leads no word in a text
    ]


def test_a_script_without_spaces_is_found_inside_a_line():
    assert quote({"辣椒": []}, title="清蒸辣椒做法") == {"辣椒": ("title", "清蒸", "辣椒", "做法")}


def test_of_a_long_clue_whole_words_around_the_name_are_shown():
    text = "beginning " + "word " * 20 + "soup" + " tail" * 20
    _, before, _, after = quote({"soup": []}, asr=text)["soup"]
    assert before.startswith("…word")
    assert before.endswith("word ")
    assert after.endswith("tail…")
    assert max(len(before), len(after)) <= AROUND + 1


def test_a_name_beyond_the_cut_was_not_seen():
    content = {**said("c", asr="soup and stew"), "cuts": [{"field": "asr", "kept": 8, "total": 13}]}
    rows = quote_names(raw_clues(content), tag_set({"soup": [], "stew": []}))
    assert rows.sort("tag_id").select("tag_id", "seen").rows() == [("soup", True), ("stew", False)]


def test_a_content_without_clues_says_nothing():
    assert len(quote_names(raw_clues(said("c")), tag_set({"soup": []}))) == 0
