"""What is put into a question: the nearest samples, right and wrong, and rules by number."""

import polars as pl

from tagflow.decisions import TagGroup, TagRules
from tagflow.knowledge.injection import (
    MOST_RIGHT,
    MOST_WRONG,
    Knowledge,
    find_neighbours,
    keep_allowed,
    list_rules,
    retrieve_samples,
    tell_rules,
)
from tagflow.schemas import KNOWLEDGE_BASE
from tagflow_tests.worlds import edges, fits, near, raw_clues, said, tag_set

TAGSET = tag_set({"soup": ["broth"], "bread": [], "vegan": [], "travel": []})


def samples(*rows: tuple[str, str, bool, str]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=KNOWLEDGE_BASE.tables["knowledge_base"].dtypes, orient="row")


def test_neighbours_are_contents_by_their_strongest_edge_and_never_the_content_itself() -> None:
    found = find_neighbours(
        edges(near("a", "x", 0.3), near("a", "y", 0.9), near("a", "a", 1.0), fits("a", "soup", 1.0)).vstack(
            edges(("a", "x", "content", "similarity", "terms", 0.5))
        )
    )
    assert found.rows() == [("a", "y", 0.9), ("a", "x", 0.5)]


def test_samples_are_ordered_before_they_are_cut_and_right_is_not_wrong() -> None:
    """One of the anchors cut its neighbours to a hundred before it ordered them."""
    names = [f"n{number:03}" for number in range(150)]
    contents = raw_clues(*(said(name, title=name) for name in names))
    base = samples(
        *((name, tag, right, "annotated") for name in names for tag, right in (("soup", True), ("bread", False)))
    )
    neighbours = pl.DataFrame(
        {"content_id": ["a"] * 150, "neighbour": names, "weight": [number / 150 for number in range(150)]}
    )
    knowledge = Knowledge(TAGSET, samples=base, contents=contents, neighbours=neighbours)
    found = retrieve_samples(knowledge, raw_clues(said("a", title="x")), 3)
    assert found.rows() == [("a", name, ["soup"], ["bread"]) for name in ("n149", "n148", "n147")]


def test_what_people_decided_comes_before_what_was_presumed_and_lists_are_short() -> None:
    tags = [f"t{number:02}" for number in range(20)]
    tagset = tag_set({tag: [] for tag in tags})
    base = samples(
        *(("n", tag, True, "annotated") for tag in tags[:10]),
        *(("n", tag, False, "presumed") for tag in tags[10:19]),
        ("n", tags[19], False, "reviewed"),
    )
    neighbours = pl.DataFrame({"content_id": ["a"], "neighbour": ["n"], "weight": [0.5]})
    knowledge = Knowledge(tagset, samples=base, contents=raw_clues(said("n", title="n")), neighbours=neighbours)
    ((_, _, right, wrong),) = retrieve_samples(knowledge, raw_clues(said("a", title="x")), 3).rows()
    assert right == tags[:MOST_RIGHT]
    assert wrong == [tags[19], *tags[10 : 10 + MOST_WRONG - 1]]


def test_a_copy_of_the_content_is_no_sample() -> None:
    known = raw_clues(said("copy", content_hash="same", title="x"), said("n", title="y"))
    base = samples(("copy", "soup", True, "annotated"), ("n", "soup", True, "annotated"))
    neighbours = pl.DataFrame({"content_id": ["a"] * 2, "neighbour": ["copy", "n"], "weight": [1.0, 0.5]})
    knowledge = Knowledge(TAGSET, samples=base, contents=known, neighbours=neighbours)
    found = retrieve_samples(knowledge, raw_clues(said("a", content_hash="same", title="x")), 3)
    assert found["neighbour"].to_list() == ["n"]


def test_a_content_is_no_sample_for_itself_even_if_it_said_something_else_before() -> None:
    known = raw_clues(said("a", content_hash="before", title="x"))
    neighbours = pl.DataFrame({"content_id": ["a"], "neighbour": ["a"], "weight": [1.0]})
    base = samples(("a", "soup", True, "annotated"))
    knowledge = Knowledge(TAGSET, samples=base, contents=known, neighbours=neighbours)
    assert retrieve_samples(knowledge, raw_clues(said("a", content_hash="now", title="y")), 3).is_empty()


def test_without_samples_there_are_none() -> None:
    assert retrieve_samples(Knowledge(TAGSET), raw_clues(said("a", title="x")), 3).is_empty()


RULES = TagRules(
    manual_only=("vegan",),
    implies={"bread": ("soup",)},
    excludes=(("travel", "broth"),),
    groups={"kind": TagGroup(tags=("soup", "bread", "travel"), at_most=2)},
    languages={"travel": ("de",)},
)


def test_only_what_a_machine_may_give_is_shown() -> None:
    pairs = pl.DataFrame({"content_id": ["a"] * 4, "tag_id": ["soup", "vegan", "travel", "bread"], "x": [1, 2, 3, 4]})
    rules = Knowledge(TAGSET, RULES).compile_rules()
    english = raw_clues(said("a", title="x"))
    assert keep_allowed(pairs, rules, english)["x"].to_list() == [1, 4]
    german = english.with_columns(language=pl.lit("de"))
    assert keep_allowed(pairs, rules, german)["x"].to_list() == [1, 3, 4]


def test_rules_are_told_by_number_once_and_only_among_what_is_shown() -> None:
    rules = list_rules(Knowledge(TAGSET, RULES).compile_rules())
    assert tell_rules(["soup", "travel", "bread"], rules, "en") == [
        "never 1 and 2 together",
        "of 1, 2, 3 at most 2",
        "3 brings 1 along",
    ]
    assert tell_rules(["travel", "soup"], rules, "zh") == ["1 与 2 不能同时选"]
    assert tell_rules(["soup", "vegan"], rules, "en") == []
