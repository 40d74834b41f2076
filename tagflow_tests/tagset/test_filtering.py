"""Counting candidate tags and cutting both tails, exactly at the borders."""

import polars as pl
import pytest

from tagflow.errors import ConfigError
from tagflow.schemas import FILTERED_TAGSET
from tagflow.settings import VocabularySettings
from tagflow.tables import check_tables
from tagflow.tagset.filtering import check_kept, count_tags, filter_tags
from tagflow.tagset.vocabulary import USE
from tagflow_tests.frames import make_table

COUNTED = {name: dtype for name, dtype in FILTERED_TAGSET.tables["filtered_tagset"].dtypes.items() if name != "verdict"}


def count(*uses: tuple[str | None, str, str] | tuple[str | None, str]) -> list[tuple[str, str, int, str]]:
    """Return key, tag, contents and origin of uses (content, tag, origin or proposed)."""
    rows = [(*use, *("proposed",)[len(use) - 2 :], None) for use in uses]
    return count_tags(pl.DataFrame(rows, schema=USE, orient="row")).drop("description").rows()


def verdict(
    key: str = "soup", contents: int = 5, origin: str = "proposed", *, of: int = 20, tag: str | None = None,
    banned: tuple[str, ...] = (), **settings: float,
) -> str:  # fmt: skip
    """Return the verdict on one counted tag among ``of`` contents; cuts: at least 3, at most a quarter."""
    counted = pl.DataFrame([(key, tag or key, contents, origin, None)], schema=COUNTED, orient="row")
    settings = {"min_contents": 3, "max_share": 0.25, **settings}
    filtered = filter_tags(counted, of, VocabularySettings(**settings), banned)
    return check_tables(FILTERED_TAGSET, {"filtered_tagset": filtered})["filtered_tagset"]["verdict"].item()


def test_distinct_contents_are_counted_once_in_any_spelling():
    assert count(("1", "soup"), ("1", "Soup"), ("1", "soup"), ("2", "#SOUP#")) == [("soup", "#SOUP#", 2, "proposed")]


def test_the_most_frequent_spelling_is_shown():
    assert count(("1", "Soup"), ("2", "soup"), ("3", "soup")) == [("soup", "soup", 3, "proposed")]


def test_a_spelling_repeated_within_one_content_counts_once():
    assert count(("1", "Soup"), ("1", "Soup"), ("1", "Soup"), ("2", "soup"), ("3", "soup"))[0][1] == "soup"


def test_equally_frequent_spellings_go_by_alphabet():
    assert count(("1", "soup"), ("2", "Soup"), ("3", "SOUP"))[0][1] == "SOUP"


def test_most_frequent_tags_come_first_then_by_key():
    counted = count(("1", "b"), ("1", "a"), ("2", "c"), ("1", "c"))
    assert [key for key, *_ in counted] == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("origins", "origin"),
    [
        (("proposed",), "proposed"),
        (("proposed", "label"), "label"),
        (("label", "proposed", "file"), "file"),
        (("file", "proposed"), "file"),
    ],
)
def test_a_key_of_several_origins_has_the_one_people_stand_for(origins, origin):
    counted = count(*((str(number), "soup", said) for number, said in enumerate(origins)))
    assert counted == [("soup", "soup", len(origins), origin)]


def test_a_files_tag_that_no_content_uses_counts_zero():
    assert count((None, "soup", "file")) == [("soup", "soup", 0, "file")]
    assert count((None, "soup", "file"), ("1", "soup", "label")) == [("soup", "soup", 1, "file")]


def test_the_first_description_is_kept():
    rows = [("1", "soup", "label", None), (None, "Soup", "file", "a hot dish"), (None, "soup", "file", "another")]
    counted = count_tags(pl.DataFrame(rows, schema=USE, orient="row"))
    assert counted["description"].to_list() == ["a hot dish"]


def test_nothing_counted_gives_an_empty_tag_set():
    counted = count_tags(pl.DataFrame(schema=USE))
    filtered = filter_tags(counted, 0, VocabularySettings(), ["x"])
    assert check_tables(FILTERED_TAGSET, {"filtered_tagset": filtered})["filtered_tagset"].is_empty()


@pytest.mark.parametrize(
    ("contents", "said"), [(1, "too_rare"), (2, "too_rare"), (3, "kept"), (5, "kept"), (6, "too_common")]
)
def test_both_cuts_keep_their_border(contents, said):
    assert verdict(contents=contents, of=20) == said


@pytest.mark.parametrize(
    ("contents", "of", "share"),
    [(29, 100, 0.29), (57, 100, 0.57), (7, 100, 0.07), (1, 3, 1 / 3), (20, 20, 1.0)],
)
def test_a_share_that_is_exactly_the_greatest_is_kept(contents, of, share):
    assert verdict(contents=contents, of=of, min_contents=1, max_share=share) == "kept"
    if contents < of:
        assert verdict(contents=contents + 1, of=of, min_contents=1, max_share=share) == "too_common"


@pytest.mark.parametrize("origin", ["label", "file"])
@pytest.mark.parametrize("contents", [0, 1, 20])
def test_tags_of_labels_and_files_are_never_cut_by_frequency(origin, contents):
    assert verdict(contents=contents, origin=origin) == "kept"


@pytest.mark.parametrize("spelling", ["click bait", "Click  Bait!", "#CLICK BAIT", "“Ｃlick bait”"])
@pytest.mark.parametrize("origin", ["proposed", "label", "file"])
def test_a_tag_is_banned_in_any_spelling(spelling, origin):
    assert verdict("click bait", origin=origin, banned=("other", spelling)) == "banned"
    assert verdict("click", origin=origin, banned=(spelling,)) == "kept"


@pytest.mark.parametrize(
    ("key", "tag", "said"),
    [
        ("", "!!", "malformed"),
        ("2024", "2024", "malformed"),
        ("90s", "90s", "kept"),
        ("食", "食", "kept"),
        ("x" * 40, None, "kept"),
        ("x" * 41, None, "malformed"),
        ("so\u00adup", "so\u00adup", "malformed"),
        ("so\u202eup", "so\u202eup", "malformed"),
        ("so\x07up", "so\x07up", "malformed"),
        ("می\u200cخواهم", None, "kept"),
    ],
    ids=repr,
)
def test_what_is_no_tag_is_malformed(key, tag, said):
    assert verdict(key, tag=tag) == said


def test_only_proposals_are_cut_by_length():
    assert verdict("x" * 41, origin="label") == "kept"


def test_the_first_reason_is_the_verdict():
    assert verdict("2024", contents=1, banned=("2024",)) == "malformed"
    assert verdict("soup", contents=1, banned=("soup",)) == "banned"
    assert verdict("soup", contents=2, of=4) == "too_rare", "two of four are too many as well"
    assert verdict("soup", contents=20, banned=("soup",)) == "banned"


def test_a_tag_set_without_a_tag_stops_with_what_became_of_the_candidates():
    rows = [("a", "too_rare"), ("b", "too_rare"), ("c", "banned"), ("d", "kept")]
    named = [dict(zip(("key", "verdict"), row, strict=True)) for row in rows]
    filtered = make_table("filtered_tagset", named, tag="x", contents=1, origin="proposed")
    check_kept(filtered, "talks")
    with pytest.raises(ConfigError, match=r"^talks: no tag is left \(2 too_rare, 1 banned\); .*vocabulary\."):
        check_kept(filtered[:3], "talks")
    with pytest.raises(ConfigError, match="no candidate at all"):
        check_kept(filtered[:0], "talks")


def test_a_tag_set_without_a_tag_names_the_answers_that_are_missing():
    letters = make_table("candidate_tags", [{"reason": "the endpoint cannot be reached"}] * 2, "dead_letters")
    told = r"ask again when the language model answers \(2 without an answer: the endpoint cannot be reached\), or take"
    with pytest.raises(ConfigError, match=told):
        check_kept(make_table("filtered_tagset", []), "talks", letters)
    with pytest.raises(ConfigError, match=r"no candidate at all\); take another"):
        check_kept(make_table("filtered_tagset", []), "talks", letters[:0])
