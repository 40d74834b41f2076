"""Looking through the tag set: counts, search, company, contents and what fusion decided."""

import polars as pl
import pytest

from tagflow.tagset.browsing import (
    count_assignments,
    find_companions,
    find_decisions,
    find_nearest_tags,
    list_contents,
    search_tags,
)
from tagflow_tests.frames import make_table
from tagflow_tests.worlds import raw_clues, said, tag_set, unit

TAGSET = tag_set({"soup": ["Broth"], "vegan": [], "travel": []})


def assign(*pairs: tuple[str, str, float]) -> pl.DataFrame:
    """Return tagged_output of (content, tag, confidence); band apply from 0.5."""
    rows = [
        {"content_id": content, "tag_id": tag, "tag": tag, "confidence": confidence}
        | {"band": "apply" if confidence >= 0.5 else "review"}
        for content, tag, confidence in pairs
    ]
    return make_table("tagged_output", rows)


def test_tags_are_counted_by_assignment_and_by_people_under_any_spelling():
    tagged = assign(("a", "soup", 0.9), ("b", "soup", 0.4), ("a", "vegan", 0.6))
    clues = raw_clues(
        said("a", labels=["SOUP", "broth"]), said("b", labels=["vegan"], split="test"), said("c", labels=["unheard"])
    )
    counted = count_assignments(TAGSET, tagged, clues)
    assert counted.select("tag", "assigned", "apply", "people", "confidence").rows() == [
        ("soup", 2, 1, 1, pytest.approx(0.65)),
        ("vegan", 1, 1, 1, pytest.approx(0.6)),
        ("travel", 0, 0, 0, None),
    ]


def test_equal_counts_go_by_people_then_by_name():
    clues = raw_clues(said("a", labels=["vegan"]))
    assert count_assignments(TAGSET, assign(), clues)["tag"].to_list() == ["vegan", "soup", "travel"]


def test_a_search_looks_into_names_and_aliases_whatever_the_case():
    assert search_tags(TAGSET, "BRO")["tag"].to_list() == ["soup"]
    assert search_tags(TAGSET, "ve")["tag"].to_list() == ["vegan", "travel"]
    assert len(search_tags(TAGSET, "xyz")) == 0
    assert len(search_tags(TAGSET, "...")) == 0


def test_company_is_what_stands_together_more_often_than_chance():
    both = [(content, tag, 0.5) for content in "abc" for tag in ("soup", "vegan", "common")]
    tagged = assign(*both, ("d", "soup", 0.5), *((content, "common", 0.5) for content in "def"))
    # 6 contents; vegan: 3 with soup, by chance 4 * 3 / 6 = 2; common: 3 with soup, by chance 4 * 6 / 6 = 4
    assert find_companions(tagged, "soup", 5).rows() == [("vegan", "vegan", 3, pytest.approx(1.5))]
    assert find_companions(tagged, "soup", 0).rows() == []


def test_two_contents_together_are_chance():
    tagged = assign(*[(content, tag, 0.5) for content in "ab" for tag in ("soup", "vegan")], ("c", "travel", 0.5))
    assert find_companions(tagged, "soup", 5).rows() == []


def test_the_nearest_tags_leave_the_tag_itself_out():
    ids, vectors = pl.Series(["a", "b", "c"]), unit((1, 0), (0.6, 0.8), (0, 1))
    assert find_nearest_tags(ids, vectors, "c", 5).rows() == [("b", pytest.approx(0.8)), ("a", pytest.approx(0.0))]
    assert find_nearest_tags(ids, vectors, "c", 1)["tag_id"].to_list() == ["b"]


def test_the_contents_of_a_tag_come_most_confident_first_with_their_first_line():
    clues = raw_clues(said("a", title="A\n soup", caption="more"), said("b", caption="B", split="test"), said("c"))
    tagged = assign(("a", "soup", 0.4), ("b", "soup", 0.9), ("c", "soup", 0.4), ("c", "vegan", 0.9))
    rows = list_contents(tagged, clues, "soup").select("content_id", "first_line", "band", "held_out").rows()
    assert rows == [("b", "B", "apply", True), ("a", "A soup", "review", False), ("c", "", "review", False)]


def test_decisions_about_a_tag_or_an_alias_come_merges_first():
    rows = [
        ("pot", "one pot", 0.80, "merged"),
        ("bake", "baking", 0.95, "merged"),
        ("pan", "pot", 0.99, "reported"),
        ("teapot", "one pot", 0.85, "refused"),
        ("pots", "one pot", 0.90, "merged"),
    ]
    names = ("tag", "leader", "similarity", "decision")
    log = make_table("fused_tagset", [dict(zip(names, row, strict=True)) for row in rows], "fusion_log", reason="why")
    assert find_decisions(log, ["one pot", "pot"])["tag"].to_list() == ["pots", "pot", "teapot", "pan"]
