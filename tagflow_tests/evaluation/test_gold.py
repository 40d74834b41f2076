"""Gold: which labels of the held-out contents can be judged, and which contents are scored."""

import polars as pl

from tagflow.evaluation.gold import Gold, find_gold
from tagflow.tagset.vocabulary import resolve_tags
from tagflow_tests.worlds import raw_clues, said, tag_set

NAMES = resolve_tags(tag_set({"soup": ["broth"], "vegan": [], "rome": []}))


def gold(*rows: dict[str, object]) -> Gold:
    """Return the gold of contents."""
    return find_gold(raw_clues(*rows), NAMES)


def pairs(*rows: dict[str, object]) -> set[tuple[str, str]]:
    """Return content and tag of the gold of contents; none is there twice."""
    found = gold(*rows).pairs
    assert not found.is_duplicated().any()
    return set(found.iter_rows())


def test_a_label_used_twice_outside_the_test_split_is_gold() -> None:
    found = pairs(said("a", labels=["soup"]), said("b", labels=["Soup"]), said("t", labels=["SOUP"], split="test"))
    assert found == {("t", "soup")}


def test_a_label_used_once_outside_the_test_split_is_not_gold() -> None:
    assert pairs(said("a", labels=["soup"]), said("t", labels=["soup"], split="test")) == set()


def test_uses_in_the_test_split_do_not_count() -> None:
    tests = [said(f"t{number}", labels=["soup"], split="test") for number in range(3)]
    assert pairs(said("a", labels=["soup"]), *tests) == set()


def test_a_label_twice_on_one_content_is_one_use() -> None:
    assert pairs(said("a", labels=["soup", "Soup", "broth"]), said("t", labels=["soup"], split="test")) == set()


def test_an_alias_counts_for_its_tag() -> None:
    found = pairs(
        said("a", labels=["soup"]), said("b", labels=["broth"]), said("t", labels=["Broth", "soup"], split="test")
    )
    assert found == {("t", "soup")}


def test_a_label_outside_the_tag_set_is_not_gold() -> None:
    assert (
        pairs(said("a", labels=["opera"]), said("b", labels=["opera"]), said("t", labels=["opera"], split="test"))
        == set()
    )


def test_what_can_be_judged_is_told_apart_from_what_is_gold() -> None:
    """People use vegan twice but on no held-out content, and rome once; both held-out contents are counted."""
    found = gold(
        said("a", labels=["soup", "vegan"]),
        said("b", labels=["soup", "vegan", "rome"]),
        said("t", labels=["soup", "rome"], split="test"),
        said("u", labels=["rome"], split="test"),
    )
    assert found.pairs.rows() == [("t", "soup")]
    assert found.judged["tag_id"].to_list() == ["soup", "vegan"]
    assert found.held_out == 2


def test_nothing_held_out_gives_no_gold() -> None:
    found = gold(said("a", labels=["soup"]), said("b", labels=["soup"]))
    assert (len(found.pairs), found.held_out) == (0, 0)
    assert found.pairs.schema == pl.Schema({"content_id": pl.String, "tag_id": pl.String})
