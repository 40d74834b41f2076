"""People's decisions over the machine's: what fusion is given, and what is made of what it gives back."""

import polars as pl
import pytest

from tagflow.decisions import VocabularyDecisions
from tagflow.tagset.decisions import (
    Forced,
    apply_names,
    attach_aliases,
    collapse_members,
    decide_pairs,
    find_ambiguous_aliases,
    find_broken_splits,
)
from tagflow_tests.frames import make_table, make_tagset
from tagflow_tests.worlds import tag_set

NO_LIST = pl.DataFrame(schema={"tag": pl.String, "aliases": pl.List(pl.String)})


def decide(**said: object) -> VocabularyDecisions:
    return VocabularyDecisions.model_validate(said)


def force(listed: pl.DataFrame = NO_LIST, **said: object) -> Forced:
    return decide_pairs(decide(**said), listed)


def listing(*tags: tuple[str, list[str]]) -> pl.DataFrame:
    return pl.DataFrame(list(tags), schema=NO_LIST.schema, orient="row")


def filtered(*rows: tuple[str, int, str, str]) -> pl.DataFrame:
    named = [dict(zip(("key", "contents", "verdict", "origin"), row, strict=True)) for row in rows]
    return make_table("filtered_tagset", [{"tag": row["key"], **row} for row in named])


def uses(**tags: list[str]) -> pl.DataFrame:
    rows = [(content, tag) for tag, contents in tags.items() for content in contents]
    return pl.DataFrame(rows, schema={"content_id": pl.String, "tag": pl.String}, orient="row")


def test_a_merge_and_a_split_are_pairs_and_rows_of_the_log():
    forced = force(merge={"Tomatoes": ["tomato", "#Tomatos"]}, split=[["soup", "Stew"]])
    assert forced.members.select("key", "leader_key").rows() == [("tomato", "tomatoes"), ("tomatos", "tomatoes")]
    assert forced.apart.select("key", "other_key").rows() == [("soup", "stew")]
    assert forced.leading.to_list() == ["tomatoes"]
    assert forced.log.rows() == [
        ("tomato", "Tomatoes", None, "merged", "people", "people decided in vocabulary.yaml (merge)"),
        ("#Tomatos", "Tomatoes", None, "merged", "people", "people decided in vocabulary.yaml (merge)"),
        ("soup", "Stew", None, "refused", "people", "people decided in vocabulary.yaml (split)"),
    ]


def test_a_split_from_an_alias_is_one_from_its_leader():
    forced = force(merge={"tomatoes": ["tomato"]}, split=[["tomato", "tomatillo"]])
    assert forced.apart.select("key", "other_key").rows() == [("tomatoes", "tomatillo")]


def test_rules_that_speak_of_two_tags_keep_them_two():
    forced = force(rules={"excludes": [["vegan", "beef"]], "implies": {"ramen": ["soup"]}})
    assert forced.apart.select("key", "other_key", "reason").rows() == [
        ("vegan", "beef", "people decided in vocabulary.yaml (rules.excludes)"),
        ("ramen", "soup", "people decided in vocabulary.yaml (rules.implies)"),
    ]


def test_renamed_and_described_tags_lead_and_the_new_name_means_the_tag():
    forced = force(rename={"colour": "color"}, describe={"soup": "warm"})
    assert forced.leading.to_list() == ["colour", "soup"]
    assert forced.members.select("key", "leader_key", "reason").rows() == [
        ("color", "colour", "people decided in vocabulary.yaml (rename)")
    ]
    assert force(rename={"iphone": "iPhone"}).members.is_empty(), "another spelling only"


def test_a_lists_aliases_are_members_too_but_people_go_first():
    listed = listing(("soup", ["broth", "stew", "Soup", "bisque"]), ("stew", []), ("pottage", ["broth", "slop"]))
    forced = force(listed, split=[["bisque", "soup"]], banned=["slop"], merge={"food": ["soup"]})
    assert forced.members.select("key", "leader_key", "reason").rows() == [
        ("soup", "food", "people decided in vocabulary.yaml (merge)"),
        ("broth", "food", "the tag list says so"),
    ]
    refused = forced.log.filter(pl.col("reason").str.contains("list") & (pl.col("decision") == "refused"))
    assert refused.select("tag", "leader", "reason").rows() == [
        ("broth", "pottage", 'the tag list gives this alias to "food" first')
    ]


def test_two_aliases_of_a_list_that_people_split_do_not_meet():
    forced = force(listing(("soup", ["broth", "stock"])), split=[["broth", "stock"]])
    assert forced.members.height < 2
    both = forced.apart.filter(pl.col("key") == pl.col("other_key"))
    assert both.is_empty()


def test_a_forced_cluster_enters_fusion_as_its_leader_alone_with_the_contents_of_all():
    table = filtered(
        ("tomatoes", 2, "too_rare", "proposed"),
        ("tomato", 2, "too_rare", "proposed"),
        ("soup", 5, "kept", "proposed"),
        ("rare", 1, "too_rare", "proposed"),
        ("junk", 9, "banned", "proposed"),
    )
    kept, said = collapse_members(
        table, uses(tomatoes=["c1", "c2"], Tomato=["c2", "c3"], soup=["c1"]), force(merge={"tomatoes": ["tomato"]})
    )
    assert kept.select("key", "tag", "contents").rows() == [("soup", "soup", 5), ("tomatoes", "tomatoes", 3)]
    assert said.rows() == [
        ("c1", "tomatoes"),
        ("c2", "tomatoes"),
        ("c2", "tomatoes"),
        ("c3", "tomatoes"),
        ("c1", "soup"),
    ]


def test_a_leader_that_nobody_used_is_made_of_its_members_with_their_best_origin():
    table = filtered(("tomato", 4, "kept", "proposed"), ("tomatoe", 1, "kept", "label"))
    forced = force(merge={"Tomatoes!": ["tomato", "tomatoe"]})
    kept, _ = collapse_members(table, uses(tomato=["c1", "c2", "c3", "c4"], tomatoe=["c4"]), forced)
    assert kept.rows() == [("tomatoes", "Tomatoes!", 4, "label", None)]


def test_a_leader_without_a_single_member_in_use_is_not_made():
    kept, _ = collapse_members(
        filtered(("soup", 5, "kept", "proposed")), uses(soup=["c1"]), force(merge={"tomatoes": ["tomato"]})
    )
    assert kept["key"].to_list() == ["soup"]


def test_without_decisions_the_kept_tags_and_the_uses_are_what_they_were():
    table = filtered(("soup", 5, "kept", "proposed"), ("stew", 5, "kept", "file"), ("x", 1, "too_rare", "proposed"))
    said = uses(soup=["c1"], stew=["c1"], x=["c2"])
    kept, same = collapse_members(table, said, force())
    assert kept.equals(table.filter(pl.col("verdict") == "kept").select(kept.columns))
    assert same.equals(said)


def test_an_added_tag_is_kept_whether_it_was_a_candidate_or_not():
    table = filtered(("sourdough", 2, "too_rare", "proposed"), ("soup", 5, "kept", "proposed"))
    forced = force(added={"Sourdough": "Bread with a starter.", "focaccia": "Flat bread."})
    kept, said = collapse_members(table, uses(sourdough=["c1", "c2"], soup=["c1"]), forced)
    assert kept.select("key", "tag", "contents", "origin", "description").rows() == [
        ("soup", "soup", 5, "proposed", None),
        ("sourdough", "Sourdough", 2, "file", "Bread with a starter."),
        ("focaccia", "focaccia", 0, "file", "Flat bread."),
    ]
    assert "sourdough" in forced.leading
    assert said.height == 3


def test_an_added_tag_takes_the_contents_of_what_people_merge_into_it():
    forced = force(added={"sourdough": "x"}, merge={"sourdough": ["levain"]})
    kept, said = collapse_members(filtered(("levain", 2, "kept", "proposed")), uses(levain=["c1", "c2"]), forced)
    assert kept.select("key", "contents", "origin").rows() == [("sourdough", 2, "file")]
    assert said["tag"].to_list() == ["sourdough", "sourdough"]


def test_a_banned_tag_is_not_added():
    assert collapse_members(filtered(), uses(), force(added={"Junk": "x"}, banned=["junk"]))[0].is_empty()


def test_an_alias_of_the_list_that_people_added_is_a_tag_of_its_own():
    assert force(listing(("bread", ["Sourdough"])), added={"sourdough": "x"}).members.is_empty()


def test_what_describe_says_goes_before_what_was_said_when_it_was_added():
    fused = make_tagset({"tag_id": "t1", "tag": "sourdough"}, {"tag_id": "t2", "tag": "rye"})
    log = make_table("fused_tagset", [], table="fusion_log")
    said = decide(added={"sourdough": "first", "rye": "dark"}, describe={"Sourdough": "better"})
    named = apply_names({"fused_tagset": fused, "fusion_log": log}, said)["fused_tagset"]
    assert named["description"].to_list() == ["better", "dark"]


def test_members_become_aliases_and_a_name_of_another_tag_does_not():
    fused = tag_set({"tomatoes": ["roma"], "broth": []})
    forced = force(merge={"Tomatoes": ["tomato", "roma"]}, describe={"x": "y"})
    assert attach_aliases(fused, forced)["aliases"].to_list() == [["roma", "tomato"], []]
    taken = force(listing(("tomatoes", ["broth", "love apple"])))
    assert attach_aliases(fused, taken)["aliases"].to_list() == [["roma", "love apple"], []]


def test_aliases_go_where_the_leader_went():
    fused = tag_set({"vegetables": ["tomatoes"]})
    assert attach_aliases(fused, force(merge={"tomatoes": ["tomato"]}))["aliases"].to_list() == [["tomatoes", "tomato"]]


def test_a_renamed_tag_keeps_its_id_and_its_old_name_as_an_alias():
    fused = tag_set({"colour": ["color", "hue"], "soup": []})
    log = make_table(
        "fused_tagset",
        [
            {
                "tag": "hue",
                "leader": "colour",
                "similarity": 0.9,
                "decision": "merged",
                "by": "cosine",
                "reason": "near",
            },
            {"tag": "color", "leader": "Colour", "decision": "merged", "by": "people", "reason": "(merge)"},
            {"tag": "soup", "leader": "colour", "similarity": 0.8, "decision": "refused", "by": "scope", "reason": "x"},
        ],
        table="fusion_log",
    )
    named = apply_names({"fused_tagset": fused, "fusion_log": log}, decide(rename={"Colour": "Color"}))
    assert named["fused_tagset"].select("tag_id", "tag", "aliases").rows() == [
        ("colour", "Color", ["colour", "hue"]),
        ("soup", "soup", []),
    ]
    assert named["fusion_log"].rows() == [
        ("hue", "Color", 0.9, "merged", "cosine", "near"),
        ("soup", "Color", 0.8, "refused", "scope", "x"),
        ("colour", "Color", None, "merged", "people", "people decided in vocabulary.yaml (rename)"),
    ]


def test_another_spelling_is_a_name_and_no_alias():
    fused = tag_set({"iphone": ["apple phone"]})
    log = make_table("fused_tagset", [], table="fusion_log")
    named = apply_names({"fused_tagset": fused, "fusion_log": log}, decide(rename={"iphone": "iPhone"}))
    assert named["fused_tagset"].select("tag", "aliases").rows() == [("iPhone", ["apple phone"])]
    assert named["fusion_log"].is_empty()


def test_a_description_finds_its_tag_by_any_name_and_replaces_the_lists():
    fused = make_tagset(
        {"tag_id": "t1", "tag": "soup", "aliases": ["broth"], "description": "old"},
        {"tag_id": "t2", "tag": "stew", "description": "thick"},
    )
    log = make_table("fused_tagset", [], table="fusion_log")
    said = decide(describe={"#Broth": "warm", "unknown": "x"}, rename={"unknown": "also unknown"})
    named = apply_names({"fused_tagset": fused, "fusion_log": log}, said)["fused_tagset"]
    assert named.select("tag", "description").rows() == [("soup", "warm"), ("stew", "thick")]
    assert named.schema == fused.schema


def test_an_alias_of_two_tags_is_found():
    fused = tag_set({"soup": ["broth", "Stew"], "stew": ["broth"], "salad": []})
    assert find_ambiguous_aliases(fused).rows() == [("broth", ["soup", "stew"]), ("stew", ["soup", "stew"])]
    assert find_ambiguous_aliases(tag_set({"soup": ["Soup"], "stew": []})).is_empty()


@pytest.mark.parametrize(("aliases", "broken"), [(["stew"], [("stew", "soup", "soup")]), ([], [])])
def test_a_split_that_fusion_did_not_keep_is_found(aliases, broken):
    assert find_broken_splits(tag_set({"soup": aliases}), decide(split=[["stew", "soup"]])).rows() == broken
