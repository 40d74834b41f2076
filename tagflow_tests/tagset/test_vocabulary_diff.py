"""What a rebuild changed, tag by tag."""

import polars as pl

from tagflow.tagset.vocabulary_diff import count_changes, diff_vocabularies
from tagflow_tests.frames import make_tagset


def tags(*rows: tuple[str, str, list[str], int]) -> pl.DataFrame:
    """Return tags from id, name, aliases and frequency."""
    columns = ("tag_id", "tag", "aliases", "frequency")
    return make_tagset(*(dict(zip(columns, row, strict=True)) for row in rows))


def test_every_kind_of_change_is_told_once():
    previous = tags(
        ("t1", "soup", ["broth", "stew"], 9),
        ("t2", "colour", [], 5),
        ("t3", "tomato", [], 1),
        ("t4", "tomatoes", [], 7),
        ("t5", "fad", [], 2),
        ("t6", "salad", [], 3),
    )
    new = tags(
        ("t1", "soup", ["broth"], 8),
        ("t2", "color", ["colour"], 6),
        ("t4", "tomatoes", ["Tomato"], 8),
        ("t6", "salad", ["greens"], 4),
        ("t7", "stew", [], 1),
        ("t8", "ramen", [], 4),
    )
    difference = diff_vocabularies(previous, new)
    assert difference.changes.rows() == [
        ("merged", "tomato", "tomatoes", "was on 1 content"),
        ("split", "stew", "soup", "is on 1 content"),
        ("renamed", "color", "colour", "the same tag"),
        ("new", "ramen", None, "is on 4 contents"),
        ("gone", "fad", None, "was on 2 contents"),
    ]
    assert difference.unchanged == 3  # soup, tomatoes, salad
    assert count_changes(difference) == {"merged": 1, "split": 1, "renamed": 1, "new": 1, "gone": 1, "unchanged": 3}


def test_the_same_tag_set_has_not_changed():
    same = tags(("t1", "soup", ["broth"], 9), ("t2", "stew", [], 2))
    difference = diff_vocabularies(same, same)
    assert difference.changes.is_empty()
    assert difference.unchanged == 2


def test_a_name_and_an_alias_that_changed_places_are_a_rename_although_the_ids_differ():
    difference = diff_vocabularies(tags(("t1", "soup", ["broth"], 9)), tags(("t2", "broth", ["soup"], 9)))
    assert difference.changes.rows() == [("renamed", "broth", "soup", "the same tag")]


def test_from_nothing_all_is_new_and_to_nothing_all_is_gone():
    some, none = tags(("t1", "soup", [], 9)), tags()
    assert diff_vocabularies(none, some).changes["change"].to_list() == ["new"]
    assert diff_vocabularies(some, none).changes["change"].to_list() == ["gone"]
    assert diff_vocabularies(none, none).changes.schema == diff_vocabularies(some, none).changes.schema
