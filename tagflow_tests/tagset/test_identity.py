"""Ids over rebuilds: a cluster keeps its id when its leader changes, and no two tags share one."""

import polars as pl

from tagflow.tagset.identity import keep_ids
from tagflow.tagset.normalisation import make_tag_id
from tagflow_tests.frames import make_tagset


def tags(*rows: tuple[str, str, list[str]]) -> pl.DataFrame:
    """Return tags from id, name and aliases."""
    return make_tagset(*({"tag_id": tag_id, "tag": tag, "aliases": aliases} for tag_id, tag, aliases in rows))


def counts(**contents: int) -> pl.DataFrame:
    columns = {"key": list(contents), "contents": list(contents.values())}
    return pl.DataFrame(columns, schema={"key": pl.String, "contents": pl.Int64})


def ids(new: pl.DataFrame, previous: pl.DataFrame, counted: pl.DataFrame) -> list[str]:
    kept = keep_ids(new, previous, counted)
    assert kept.drop("tag_id").equals(new.drop("tag_id")), "nothing but the id changes"
    assert kept["tag_id"].n_unique() == len(kept)
    return kept["tag_id"].to_list()


def test_a_cluster_with_another_leader_keeps_its_id():
    new = tags(("n1", "stew", ["soup"]), ("n2", "salad", []))
    assert ids(new, tags(("p1", "Soup", ["stew"])), counts(soup=5, stew=6, salad=3)) == ["p1", "n2"]


def test_of_two_that_became_one_the_id_is_that_of_the_more_frequent_not_of_the_more_names():
    previous = tags(("p1", "soup", []), ("p2", "broth", ["stock", "bouillon"]))
    new = tags(("n1", "broth", ["soup", "stock", "bouillon"]))
    assert ids(new, previous, counts(soup=10, broth=4, stock=3, bouillon=2)) == ["p1"]
    assert ids(new, previous, counts(soup=9, broth=4, stock=3, bouillon=3)) == ["p2"]


def test_of_one_that_became_two_the_id_goes_with_the_more_frequent_part():
    previous = tags(("p1", "soup", ["stew", "broth"]))
    new = tags(("n1", "stew", ["broth"]), ("n2", "soup", []))
    assert ids(new, previous, counts(soup=7, stew=3, broth=3)) == ["n1", "p1"]
    assert ids(new, previous, counts(soup=5, stew=3, broth=3)) == ["p1", "n2"]


def test_ties_go_by_the_number_of_names_then_by_name():
    previous = tags(("p1", "soup", ["stew", "broth"]))
    assert ids(tags(("n1", "soup", []), ("n2", "broth", ["stew"])), previous, counts(soup=4, stew=2, broth=2)) == [
        "n1",
        "p1",
    ]
    assert ids(tags(("n1", "soup", []), ("n2", "broth", [])), previous, counts(soup=4, broth=4)) == ["n1", "p1"]


def test_a_tag_whose_first_choice_is_gone_takes_the_next():
    previous = tags(("p1", "soup", ["stew"]), ("p2", "broth", []))
    new = tags(("n1", "soup", []), ("n2", "stew", ["broth"]))
    # p1 is claimed by soup (9 contents) and by stew (5), which then takes broth's p2 (2)
    assert ids(new, previous, counts(soup=9, stew=5, broth=2)) == ["p1", "p2"]


def test_the_id_of_an_own_name_that_another_tag_inherited_gives_way():
    soup = make_tag_id("soup")
    previous = tags((soup, "soup", ["stew"]))
    new = tags((make_tag_id("stew"), "stew", []), (soup, "soup", []))
    given = ids(new, previous, counts(stew=8, soup=1))
    assert given[0] == soup
    assert given[1] not in (soup, make_tag_id("stew"))
    assert given == ids(new, previous, counts(stew=8, soup=1)), "and is the same each time"


def test_without_a_previous_tag_set_ids_stay():
    new = tags(("n1", "soup", []), ("n2", "stew", []))
    assert ids(new, tags(), counts()) == ["n1", "n2"]
    assert ids(tags(), new, counts()) == []


def test_a_tag_that_no_candidate_names_still_keeps_its_id_by_its_name():
    assert ids(tags(("n1", "soup", [])), tags(("p1", "Soup", [])), counts(other=1)) == ["p1"]
