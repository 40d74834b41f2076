"""Decisions that cannot all be kept: one sentence each, with the file and the key."""

import pytest

from tagflow.decisions import VocabularyDecisions
from tagflow.errors import ConfigError
from tagflow.tagset.contradictions import check_decisions, check_renames, list_strangers
from tagflow_tests.worlds import tag_set


def decide(**said: object) -> VocabularyDecisions:
    return VocabularyDecisions.model_validate(said)


FINE = {
    "banned": ["junk"],
    "merge": {"tomatoes": ["tomato", "tomatos"], "soup": ["broth"]},
    "split": [["soup", "stew"], ["tomato", "tomatillo"]],
    "rename": {"tomatoes": "love apples", "iphone": "iPhone"},
    "describe": {"soup": "warm"},
    "rules": {
        "implies": {"ramen": ["soup"]},
        "excludes": [["vegan", "beef"]],
        "groups": {"diet": {"tags": ["vegan", "vegetarian"]}},
        "languages": {"soup": ["en"]},
    },
}


def test_decisions_that_go_together_are_taken():
    check_decisions(decide(**FINE), "vocabulary.yaml")
    check_decisions(decide(), "vocabulary.yaml")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            {"merge": {"a": ["b"]}, "split": [["B", "a"]]},
            "merge.a makes 'B' and 'a' one tag, and split keeps them apart",
        ),
        ({"merge": {"a": ["b", "c"]}, "split": [["c", "b"]]}, "merge.a makes 'c' and 'b' one tag, and split"),
        ({"merge": {"a": ["b"]}, "banned": ["#A"]}, "merge.a gives aliases to 'a', which banned forbids"),
        ({"merge": {"a": ["b"]}, "banned": ["b"]}, "merge.a names 'b', which banned forbids"),
        ({"merge": {"a": ["b"], "c": ["B"]}}, "merge.a and merge.c both name 'B'; an alias belongs to one tag only"),
        ({"merge": {"a": ["b"], "b": ["c"]}}, "merge.a names 'b', which has aliases of its own under merge.b"),
        ({"merge": {"a": ["A"]}}, "merge.a names 'A', which is another spelling of 'a'"),
        ({"merge": {"a": ["b"], "A ": ["c"]}}, "merge has both 'a' and 'A ', which are one tag"),
        ({"split": [["a", "#a"]]}, "split names 'a' and '#a', which are one tag"),
        ({"banned": ["#"]}, "banned names '#', which is no tag"),
        ({"rename": {"a": "!"}}, "rename names '!', which is no tag"),
        ({"rename": {"a": "c", "b": "C"}}, "rename.a and rename.b both say 'C'"),
        ({"rename": {"a": "b", "b": "c"}}, "rename.a says 'b', which is itself renamed"),
        ({"rename": {"a": "b"}, "merge": {"b": ["c"]}}, "rename.a says 'b', which is a tag under merge"),
        ({"rename": {"a": "c"}, "merge": {"b": ["c"]}}, "rename.a says 'c', which is a tag under merge"),
        ({"rename": {"c": "d"}, "merge": {"b": ["c"]}}, "rename.c renames an alias; rename 'b'"),
        ({"rename": {"a": "b"}, "banned": ["b"]}, "rename.a says 'b', and banned forbids one"),
        (
            {"rename": {"a": "b"}, "split": [["a", "b"]]},
            "rename.a makes 'a' and 'b' one tag, and split keeps them apart",
        ),
        ({"describe": {"a": "x"}, "banned": ["A"]}, "describe.a is about a tag that banned forbids"),
        ({"describe": {"a": "x", "A": "y"}}, "describe has both 'a' and 'A'"),
        ({"rules": {"excludes": [["a", "A"]]}}, "rules.excludes names 'a' and 'A', which are one tag"),
        ({"rules": {"implies": {"a": ["b"]}, "excludes": [["b", "a"]]}}, "rules.implies and rules.excludes both name"),
        ({"merge": {"a": ["b"]}, "rules": {"excludes": [["a", "b"]]}}, "and rules.excludes keeps them apart"),
        ({"merge": {"a": ["b"]}, "rules": {"implies": {"a": ["b"]}}}, "and rules.implies keeps them apart"),
    ],
)
def test_a_contradiction_is_one_sentence_with_file_and_key(said, sentence):
    with pytest.raises(ConfigError) as refused:
        check_decisions(decide(**said), "data/x/vocabulary.yaml")
    told = str(refused.value)
    assert told.startswith("data/x/vocabulary.yaml: ")
    assert sentence in told
    assert "\n" not in told


def test_a_name_that_another_tag_has_cannot_be_given():
    tagset = tag_set({"colour": [], "shade": ["hue"]})
    with pytest.raises(
        ConfigError, match=r"v\.yaml: rename\.colour says 'Hue', which belongs to the tag 'shade'.* merge"
    ):
        check_renames(decide(rename={"colour": "Hue"}), tagset, "v.yaml")
    check_renames(decide(rename={"colour": "color"}), tagset, "v.yaml")


def test_a_rename_in_force_and_one_to_an_own_alias_are_fine():
    check_renames(decide(rename={"colour": "color"}), tag_set({"color": ["colour"]}), "v.yaml")
    check_renames(decide(rename={"shade": "hue"}), tag_set({"shade": ["hue"]}), "v.yaml")
    merged = decide(merge={"colour": ["color"]}, rename={"colour": "color"})
    check_renames(merged, tag_set({"colour": [], "color": []}), "v.yaml")


def test_unknown_tags_are_named_once_and_those_that_may_still_come_are_not():
    said = decide(
        banned=["x"],
        merge={"y": ["z"]},
        split=[["p", "q"]],
        describe={"Broth": "known by an alias", "sup": "a slip"},
        rules={"manual_only": ["soup", "spam"], "groups": {"g": {"tags": ["spam", "soup"]}}},
    )
    assert list_strangers(said, tag_set({"soup": ["broth"]})) == [
        "describe names 'sup', which is not in the tag set",
        "rules.manual_only names 'spam', which is not in the tag set",
        "rules.groups.g names 'spam', which is not in the tag set",
    ]
