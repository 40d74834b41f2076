"""Where the tag set comes from, and how a spelling resolves to one of its tags."""

import polars as pl
import pytest

from tagflow.decisions import TagRules
from tagflow.settings import VocabularySettings
from tagflow.tagset.filtering import count_tags
from tagflow.tagset.vocabulary import USE, collect_uses, explode_labels, make_vocabulary_version, resolve_tags
from tagflow_tests.frames import make_raw_clues, make_table, make_tagset

RAW = make_raw_clues(
    {"content_id": "1", "labels": ["Soup", "Quick"]},
    {"content_id": "2", "labels": ["secret"], "split": "test"},
    {"content_id": "3"},
)
PROPOSED = make_table(
    "candidate_tags", [{"content_id": "3", "tag": "soup"}, {"content_id": "3", "tag": "broth"}], votes=1, score=0.5
)
LISTED = pl.DataFrame(
    {"tag": ["SOUP", "Bread"], "aliases": [[], []], "description": ["a hot dish", None]},
    schema_overrides={"aliases": pl.List(pl.String)},
)

LABELLED = {("1", "Soup", "label"), ("1", "Quick", "label")}
MADE = {("3", "soup", "proposed"), ("3", "broth", "proposed")}
OWN = {(None, "SOUP", "file"), (None, "Bread", "file")}


def uses(source: str, listed: pl.DataFrame = LISTED) -> pl.DataFrame:
    """Return the uses of the three contents by source."""
    collected = collect_uses(RAW, PROPOSED, listed, VocabularySettings(source=source, file="tags.csv"))
    assert collected.schema == USE
    return collected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("proposed", MADE),
        ("labels", LABELLED),
        ("union", MADE | LABELLED | OWN),
        ("file", OWN | {("1", "Soup", "label"), ("3", "soup", "proposed")}),
    ],
)
def test_the_source_says_whose_tags_count_and_no_label_of_the_test_split_does(source, expected):
    collected = uses(source).drop("description").rows()
    assert len(collected) == len(expected)
    assert set(collected) == expected


def test_a_union_without_a_file_is_labels_and_proposals():
    assert set(uses("union", LISTED[:0]).drop("description").rows()) == MADE | LABELLED


def test_in_a_union_a_label_and_a_proposal_of_one_key_are_one_tag_of_people():
    counted = count_tags(uses("union", LISTED[:0]))
    assert counted.select("key", "contents", "origin").rows() == [
        ("soup", 2, "label"),
        ("broth", 1, "proposed"),
        ("quick", 1, "label"),
    ]


def test_a_files_tags_keep_their_description_and_count_where_they_occur():
    counted = count_tags(uses("file")).select("key", "contents", "origin", "description")
    assert counted.rows() == [("soup", 2, "file", "a hot dish"), ("bread", 0, "file", None)]


@pytest.mark.parametrize("source", ["file", "union"])
def test_contents_that_say_an_alias_of_the_file_count_under_the_alias(source):
    listed = LISTED.with_columns(aliases=pl.Series([["Broth!"], ["loaf"]]))
    collected = uses(source, listed).drop("description").rows()
    assert ("3", "broth", "proposed") in collected
    assert ("1", "Quick", "label") in collected if source == "union" else ("1", "Quick", "label") not in collected
    assert {tag for _, tag, origin in collected if origin == "file"} == {"SOUP", "Bread"}, "aliases are no tags"


def test_a_files_own_spelling_is_shown():
    counted = count_tags(uses("file"))
    assert counted.filter(pl.col("key") == "soup")["tag"].to_list() == ["SOUP"]


def test_labels_are_exploded_outside_the_test_split_only():
    assert explode_labels(RAW).rows() == [("1", "Soup"), ("1", "Quick")]
    assert explode_labels(RAW.clear()).schema == {"content_id": pl.String, "tag": pl.String}


def test_name_and_aliases_resolve_to_their_tag():
    tagset = make_tagset(
        {"tag_id": "t1", "tag": "Soup", "aliases": ["Broths!", "stock"]}, {"tag_id": "t2", "tag": "Bread"}
    )
    assert dict(resolve_tags(tagset).iter_rows()) == {"soup": "t1", "broths": "t1", "stock": "t1", "bread": "t2"}


def test_a_key_belongs_to_the_first_tag_that_has_it():
    tagset = make_tagset({"tag_id": "t1", "tag": "Soup", "aliases": ["bread"]}, {"tag_id": "t2", "tag": "Bread"})
    assert dict(resolve_tags(tagset).iter_rows()) == {"soup": "t1", "bread": "t1"}


def test_an_empty_tag_set_resolves_nothing():
    assert resolve_tags(make_tagset()).is_empty()


SOUP, BREAD = {"tag_id": "t1", "tag": "Soup", "aliases": ["broth"]}, {"tag_id": "t2", "tag": "Bread"}


def test_the_version_is_that_of_the_tags_whatever_their_order():
    soup, bread = SOUP, BREAD
    version = make_vocabulary_version(make_tagset(soup, bread), TagRules())
    assert len(version) == 12
    assert make_vocabulary_version(make_tagset(bread, soup), TagRules()) == version
    changed = [
        make_tagset(soup),
        make_tagset({**soup, "aliases": []}, bread),
        make_tagset({**soup, "aliases": ["broth", "stock"]}, bread),
        make_tagset({**soup, "aliases": []}, {**bread, "aliases": ["broth"]}),
        make_tagset({**soup, "tag_id": "t3"}, bread),
        make_tagset({**soup, "tag": "Soups"}, bread),
        make_tagset({**soup, "description": "a hot dish"}, bread),
        make_tagset(soup, {**bread, "description": "a hot dish"}),
        make_tagset(),
    ]
    versions = [make_vocabulary_version(tagset, TagRules()) for tagset in changed]
    assert len({version, *versions}) == len(changed) + 1


def test_the_version_is_that_of_the_rules_as_well_but_not_of_the_counts():
    tagset = make_tagset(SOUP, BREAD)
    version = make_vocabulary_version(tagset, TagRules())
    assert make_vocabulary_version(tagset.with_columns(frequency=pl.lit(9, pl.Int64)), TagRules()) == version
    ruled = [
        {"manual_only": ["soup"]},
        {"manual_only": ["bread"]},
        {"implies": {"soup": ["bread"]}},
        {"excludes": [["soup", "bread"]]},
        {"groups": {"meals": {"tags": ["soup", "bread"]}}},
        {"groups": {"meals": {"tags": ["soup", "bread"], "at_most": 2}}},
        {"languages": {"soup": "en"}},
    ]
    versions = [make_vocabulary_version(tagset, TagRules.model_validate(rules)) for rules in ruled]
    assert len({version, *versions}) == len(ruled) + 1
