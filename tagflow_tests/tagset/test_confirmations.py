"""Confirmations: which evidence stands in for how much cosine."""

import numpy as np
import polars as pl
import pytest

from tagflow.tagset.confirmations import ASKED, confirm_pairs, propose_pairs
from tagflow.tagset.word_groups import load_guard_words


def confirm(left: str, right: str, cosine: float, language: str = "en", **more) -> tuple[float, str]:
    """Return score and reason of one pair, the same in both directions."""
    pairs = pl.DataFrame({"left": [left, right], "right": [right, left]})
    forth, back = confirm_pairs(pairs, np.full(2, cosine, np.float32), language, **more).rows()
    assert forth == back
    return forth


@pytest.mark.parametrize(
    ("left", "right", "reason"),
    [
        ("harbour towns", "harbor town", "same words"),
        ("theatre", "theater", "same spelling"),
        ("geese", "goose", "same words"),
        ("history of norway", "norway history", "same words"),
        ("history of modern norway", "modern norway history", "same words"),
        ("jazzpiano", "jazz piano", "same spelling"),
        ("jazz-piano", "jazz piano", "same spelling"),
        ("piano player", "player piano", ""),
        ("café", "cafe", "same spelling"),
        ("nasa", "national aeronautics and space administration", "initials"),
        ("nbc news", "national broadcasting company news", "initials"),
        ("pcs", "personal computer systems", "initials"),
        ("b2g sales", "business to government sales", "initials"),
        ("o11y", "observability", "initials"),
        ("nbc", "national basket club lovers", ""),
        ("rhinorrhea", "runny nose", "same meaning"),
        ("lift repair", "elevator repair", "one word of the same meaning"),
        ("lift", "elevator", ""),
        ("snow leopards", "panthera uncia", "names of one thing"),
        ("snow leopard cubs", "panthera uncia cubs", "names of one thing"),
        ("skillets", "frying pan", "synonyms"),
        ("mole", "counterspy", ""),
        ("rachmaninov", "rachmaninow", "spelled alike"),
        ("falcon", "falcone", ""),
        ("networking", "network", ""),
        ("wine translation", "translating wine", "derived"),
        ("advice for owners", "advice owning", ""),
        ("wine for traders", "tradering wine", "derived"),
        ("wine electrification", "electrifying wines", "derived"),
        ("holography", "holographing", "derived"),
        ("trout lake", "trouting lake", ""),
        ("the beatles", "beatles", "same words"),
        ("to go", "go", ""),
        ("tea", "coffee", ""),
    ],
)
def test_english_evidence(left, right, reason):
    score, told = confirm(left, right, 0.75)
    assert (told, score >= 0.5) == (reason or "near", bool(reason))


@pytest.mark.parametrize(
    ("left", "right", "reason"),
    [
        ("護理", "护理", "same spelling"),
        ("家常 做法", "家常做法", "same spelling"),
        ("猫的日常", "猫日常", "same words"),
        ("手工剪纸", "剪纸手工", "same words in another order"),
        ("蜜蜂", "蜂蜜", ""),
        ("蜂蜜水", "水蜂蜜", ""),
        ("上海到北京", "北京到上海", ""),
        ("土豆炖肉", "马铃薯炖肉", "same meaning"),
        ("折纸教程", "折纸教学", "one word of the same meaning"),
        ("体检", "体格检查", ""),
    ],
)
def test_chinese_evidence(left, right, reason):
    score, told = confirm(left, right, 0.7, "zh")
    assert (told, score >= 0.5) == (reason or "near", bool(reason))


def test_chinese_short_forms_need_contents_that_live_together():
    told = [confirm("体检", "体格检查", 0.5, "zh", contexts=np.full(2, value))[1] for value in (0.9, 0.3, np.nan)]
    assert told == ["shortened", "near", "near"]


def test_each_evidence_is_worth_half_at_the_cosine_it_asks_for():
    assert confirm("geese", "goose", ASKED["same words"])[0] == pytest.approx(0.5)
    assert confirm("geese", "goose", ASKED["same words"] - 0.1)[0] == pytest.approx(1 / (1 + np.exp(1.2)), rel=1e-5)


def test_a_dictionary_is_trusted_for_things_and_asks_a_cosine_for_the_rest():
    things, rest = ("snow leopard", "panthera uncia"), ("skillet", "frying pan")
    assert [confirm(*pair, 0.4)[0] >= 0.5 for pair in (things, rest)] == [True, False]
    assert confirm(*things, ASKED["names of one thing"])[0] == pytest.approx(0.5)
    assert confirm(*rest, ASKED["synonyms"])[0] == pytest.approx(0.5)
    bare = load_guard_words("en")._replace(synonyms=load_guard_words("en").synonyms.clear())
    assert confirm(*things, 0.75, words=bare) == confirm("tea", "coffee", 0.75)


def test_a_cosine_alone_is_asked_for_more():
    assert confirm("tea", "coffee", 0.9)[0] == pytest.approx(0.5)
    assert confirm("tea", "coffee", 0.8)[0] < 0.5 < confirm("tea", "coffee", 0.95)[0]


def test_pairs_of_equal_forms_are_proposed_however_far_their_vectors():
    keys = pl.Series(["goose", "tea", "geese", "jazz piano", "jazzpiano", "runny nose", "rhinorrhea"])
    assert propose_pairs(keys, "en").rows() == [(0, 2), (3, 4), (5, 6)]


def test_no_pairs_and_a_language_without_lists():
    none = pl.DataFrame({"left": [], "right": []}, schema={"left": pl.String, "right": pl.String})
    for language in ("en", "zh", "xx"):
        assert confirm_pairs(none, np.empty(0, np.float32), language).shape == (0, 2)
    assert confirm("öl-bild", "ölbild", 0.75, "de")[1] == "same spelling"
