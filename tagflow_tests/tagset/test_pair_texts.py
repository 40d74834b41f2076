"""Where two texts differ, and the lists that are read for it."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagflow.tagset.guards import refuse_pairs
from tagflow.tagset.pair_texts import find_middles, find_words, fold_pairs, split_words
from tagflow.tagset.word_groups import fold_words, load_guard_words


def middle(left: str, right: str) -> tuple[str, str]:
    """Return what two texts do not share at either end."""
    pairs = pl.DataFrame({"left": [left], "right": [right]})
    return find_middles(fold_pairs(pairs, "xx")).row(0)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("abcd", "axyd", ("bc", "xy")),
        ("abc", "abc", ("", "")),
        ("aa", "aaa", ("", "a")),
        ("abab", "ab", ("ab", "")),
        ("x", "y", ("x", "y")),
        ("男士发型", "女士发型", ("男", "女")),
    ],
)
def test_middles_are_what_common_beginning_and_then_common_ending_leave(left, right, expected):
    assert middle(left, right) == expected


@given(st.text("ab", max_size=6), st.text("ab", max_size=6))
def test_middles_put_back_between_the_shared_ends_give_the_texts(left, right):
    ours, theirs = middle(left, right)
    shared = len(left) - len(ours)
    assert shared == len(right) - len(theirs) >= 0
    assert any(
        left == left[:cut] + ours + left[cut + len(ours) :] and right == left[:cut] + theirs + left[cut + len(ours) :]
        for cut in range(shared + 1)
    )


def test_words_are_found_whole_longest_first_and_side_by_side():
    texts = pl.Series(["new york york", "yorkshire", "york"])
    assert find_words(texts, ["york", "new york"], spaced=True).to_list() == [["new york", "york"], [], ["york"]]


def test_listed_phrases_become_one_word():
    assert split_words(pl.Series(["left wing wing"]), ["left wing"]).to_list() == [["left_wing", "wing"]]


def test_folding_takes_accents_hyphens_and_possessives():
    texts = pl.Series(["Crème-Brûlée", "women's rights", "kids' books", "10,000 steps", "São Tomé, Porto"])
    assert fold_words(texts).to_list() == [
        "creme brulee",
        "women rights",
        "kids books",
        "10000 steps",
        "sao tome porto",
    ]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_two_words_of_one_meaning_are_opposites(language):
    """Whatever the lists of opposites say: two forms of one group of equals are never refused as opposites."""
    pairs = [(group[0], form) for group in load_guard_words(language).equals for form in group[1:]]
    frame = pl.DataFrame(pairs, schema=["left", "right"], orient="row")
    found = refuse_pairs(frame, language, ["opposites"])
    assert len(pairs) > 100
    assert frame.filter(found["guard"].fill_null("") != "").rows() == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_form_stands_on_one_line_of_equals(language):
    words = load_guard_words(language)
    for groups in (words.equals, words.beside):
        forms = [form for group in groups for form in dict.fromkeys(group)]
        assert sorted({form for form in forms if forms.count(form) > 1}) == []


def test_a_language_without_lists_has_none():
    words = load_guard_words("xx")
    assert (len(words.opposites), len(words.names), words.equals, words.negations) == (0, 0, [], ([], [], []))
