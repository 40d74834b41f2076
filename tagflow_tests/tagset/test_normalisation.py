"""Which spellings are one tag, and as what text a tag is embedded and looked for."""

import hashlib
from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tagflow.clues.hashtags import split_hashtag
from tagflow.tagset.normalisation import (
    lexical_text,
    make_tag_id,
    needle_text,
    normalise,
    normalise_tags,
    tag_text,
)


def apply(function: Callable[[pl.Expr], pl.Expr], text: str) -> str:
    """Return what an expression makes of one text."""
    return pl.DataFrame({"text": [text]}).select(function(pl.col("text"))).item()


@pytest.mark.parametrize(
    ("tag", "key"),
    [
        pytest.param("  Open   Data ", "open data", id="case and spaces"),
        pytest.param("a\tb\nc\u3000d\u00a0e", "a b c d e", id="any white space"),
        pytest.param("ＶＥＧＡＮ ﬁsh ™", "vegan fish tm", id="NFKC"),
        pytest.param("cafe\u0301", "café", id="accents are composed"),
        pytest.param("Straße", "strasse", id="sharp s"),
        pytest.param("“Vegan” ", "vegan", id="quotes"),
        pytest.param("《旅行》", "旅行", id="CJK quotes"),
        pytest.param("#Vegan", "vegan", id="hash mark"),
        pytest.param("＃Vegan＃", "vegan", id="closing full-width hash marks"),
        pytest.param("vegan!?… 。", "vegan", id="trailing punctuation"),
        pytest.param("U.S. history", "u.s. history", id="inner full stop stays"),
        pytest.param("Rock'n'Roll / R&B", "rock'n'roll / r&b", id="inner marks stay"),
        pytest.param("open-data", "open-data", id="hyphen stays"),
        pytest.param("C++", "c++", id="plus signs stay"),
        pytest.param("＃ !", "", id="nothing but marks"),
    ],
)
def test_a_key_is_what_the_spellings_share(tag, key):
    assert apply(normalise, tag) == key


def test_a_language_with_a_sharp_is_not_the_one_without():
    keys = normalise_tags(pl.Series(["C", "C#", "c#", "C＃", "F#"])).to_list()
    assert keys[1] == keys[2] == keys[3]
    assert len({keys[0], keys[1], keys[4]}) == 3


@given(st.text(max_size=12) | st.text("ßẞſİΣσς´'#＃ .a\u0301\u200b\u3000Ａ", max_size=8))
@example("´x")
@example("ΑΣ")
def test_normalising_twice_is_normalising_once(tag):
    key = apply(normalise, tag)
    assert apply(normalise, key) == key
    assert key == key.strip(" \t\"'“”()[]:;!?,")


@given(st.text("abcXYZ é食", min_size=1), st.sampled_from(["#{}", "{}!", "“{}”", " {} ", "#{}#", "({}).", "{}…"]))
def test_marks_around_a_tag_do_not_make_another(tag, around):
    assert apply(normalise, around.format(tag)) == apply(normalise, tag)


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("Open-Data", "open data"),
        ("#machine_learning", "machine learning"),
        ("and/or", "and or"),
        ("a - b", "a b"),
        ("C++", "c++"),
    ],
)
def test_a_slug_is_read_as_words(tag, text):
    assert apply(tag_text, tag) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, World! 2x", " hello world 2x "),
        ("modern C++ (and C#)", " modern c++ and c# "),
        ("", "  "),
        ("食譜，湯", " 食譜 湯 "),
        ("＃ＶＥＧＡＮ", " vegan "),
        ("Learn C# and C++, not just C.", " learn c# and c++ not just c "),
    ],
)
def test_a_text_is_looked_up_in_as_words_between_single_spaces(text, words):
    assert apply(lexical_text, text) == words


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("Open-Data", "An open data day"),
        ("open data", "The Open-Data portal"),
        ("Cafe\u0301", "ein Café"),
        ("C++", "modern C++, at last"),
        ("C#", "learn C# now"),
        ("Rock & Roll", "best Rock & Roll hits"),
        ("O'Brien", "a talk by O'Brien"),
        ("U.S. politics", "about U.S. politics"),
        ("Straße", "eine lange Straße"),
    ],
)
def test_a_tag_that_stands_in_a_text_is_found_there(tag, text):
    assert apply(needle_text, tag) in apply(lexical_text, text)


def test_a_part_of_a_word_is_not_the_tag():
    assert apply(needle_text, "art") not in apply(lexical_text, "a party, smart")


@pytest.mark.parametrize(
    ("hashtag", "words"),
    [
        ("VeganDinner", "Vegan Dinner"),
        ("#VeganDinner#", "Vegan Dinner"),
        ("slow_cooker__meal", "slow cooker meal"),
        ("__vegan_", "vegan"),
        ("ÉtéÀParis", "Été ÀParis"),
        ("vegan", "vegan"),
        ("素食", "素食"),
    ],
)
def test_a_hashtag_is_split_into_words(hashtag, words):
    assert apply(split_hashtag, hashtag) == words


def test_a_tag_id_is_t_and_twelve_digits_of_the_keys_hash():
    assert make_tag_id("食 a") == "t" + hashlib.blake2b("食 a".encode(), digest_size=6).hexdigest()
    assert len({make_tag_id(key) for key in ("a", "b", "a b", "")}) == 4
