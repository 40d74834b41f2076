"""Tags whose names stand in a text, with how often they do."""

import polars as pl
import pytest

from tagflow.graph.names import link_names
from tagflow_tests.worlds import raw_clues, said, tag_set


def found(text: str, tags: dict[str, list[str]], most: int = 9) -> list[tuple[str, float]]:
    """Return the tags and weights of the edges of one content."""
    edges = link_names(raw_clues(said("a", title=text)), tag_set(tags), most)
    return edges.select("target", "weight").rows()


def test_a_name_said_n_times_weighs_n_of_n_plus_one() -> None:
    tags: dict[str, list[str]] = {"soup": [], "vegan": [], "rome": []}
    assert found("Soup, soup and more vegan soup", tags) == [("soup", 0.75), ("vegan", 0.5)]


def test_a_name_that_stands_next_to_another_or_inside_it_is_found_too() -> None:
    tags: dict[str, list[str]] = {"open data": [], "data": [], "open": []}
    assert found("open data", tags) == [("data", 0.5), ("open", 0.5), ("open data", 0.5)]


def test_an_alias_speaks_for_its_tag() -> None:
    assert found("broth or soup", {"soup": ["broth"]}) == [("soup", pytest.approx(2 / 3))]


def test_words_are_whole_but_in_scripts_without_spaces() -> None:
    assert found("soups of a party", {"soup": [], "art": []}) == []
    assert found("美味しい寿司の店", {"寿司": []}) == [("寿司", 0.5)]


def test_the_most_often_said_stay_ties_by_tag() -> None:
    tags: dict[str, list[str]] = {"b": [], "a": [], "c": []}
    assert found("a b c c", tags, most=2) == [("c", pytest.approx(2 / 3)), ("a", 0.5)]
    assert found("a", tags, most=0) == []


def test_an_edge_says_what_it_is_and_each_content_has_its_own() -> None:
    contents = raw_clues(said("x", title="soup"), said("y", title="nothing"), said("z", title="soup"))
    edges = link_names(contents, tag_set({"soup": []}), 9)
    assert edges["content_id"].to_list() == ["x", "z"]
    assert edges.select("target_kind", "kind", "origin").unique().rows() == [("tag", "similarity", "name")]
    assert link_names(contents, tag_set({}), 9).is_empty()
    assert link_names(contents.clear(), tag_set({"soup": []}), 9).is_empty()
    assert pl.Series(["soup"]).equals(edges["target"].unique())
