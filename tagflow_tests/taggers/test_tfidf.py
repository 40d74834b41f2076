"""TF-IDF by hand, on three contents of one word each and their tags."""

import math

import pytest

from tagflow.taggers.tfidf import tag
from tagflow_tests.worlds import kitchen, raw_clues, said

NEW = raw_clues(said("n", title="stew soup"))
ONE, TWO = math.log(4 / 2) + 1, math.log(4 / 3) + 1
"""Scikit-learn's smoothed inverse document frequency of a word in one, and in two, of three contents."""


def score(**settings: object) -> dict[str, float]:
    return dict(tag(NEW, kitchen(NEW), **settings).select("tag", "confidence").rows())  # type: ignore[arg-type]


def test_names_are_compared_by_rare_words() -> None:
    """The taught contents say stew, salad and travel; so neither soup nor vegan is a word that counts."""
    assert score(mode="names") == {}
    more = raw_clues(said("f4", title="soup"), said("f5", title="stew"))
    found = dict(tag(NEW, kitchen(NEW, more=more), mode="names").select("tag", "confidence").rows())
    stew, soup = math.log(6 / 3) + 1, math.log(6 / 2) + 1
    assert found == {"soup": pytest.approx(soup / math.hypot(stew, soup))}


def test_a_centroid_is_the_mean_of_a_tags_contents_and_its_name() -> None:
    """f1 says stew and has the tag soup, whose own name is no word that counts: the centroid is stew itself."""
    assert score(mode="centroid") == {"soup": pytest.approx(1.0)}  # of the asked words stew alone counts
    more = raw_clues(said("f4", title="stew", labels=["vegan"]))
    found = dict(tag(NEW, kitchen(NEW, more=more)).select("tag", "confidence").rows())
    assert found["soup"] == pytest.approx(1.0)
    assert found["vegan"] == pytest.approx(1 / math.sqrt(2))  # one content says salad, one stew


def test_open_phrases_become_tags_by_spelling_or_cosine() -> None:
    more = raw_clues(said("f4", title="soup"))
    found = {row["tag"]: row for row in tag(NEW, kitchen(NEW, more=more), mode="open").to_dicts()}
    weight = math.log(5 / 2) + 1
    both = math.hypot(weight, weight)  # stew and soup stand in one content each
    assert found["soup"]["confidence"] == pytest.approx(weight / both)  # by its name: cosine 1
    assert found["soup"]["evidence"] == f'"soup" is its name or alias: {round(weight / both, 2)} of 1'


def test_a_linear_model_says_which_tags_it_was_not_fitted_for() -> None:
    lines: list[str] = []
    more = raw_clues(
        *(said(f"s{number}", title="stew", labels=["soup"]) for number in range(5)),
        *(said(f"t{number}", title="travel", labels=["travel"]) for number in range(5)),
    )
    scored = tag(NEW, kitchen(NEW, more=more, say=lines.append), mode="linear", most_tags=1)
    assert lines == [
        "tfidf: 2 of 3 annotated tags are not fitted: 1 are on fewer than 5 contents, 1 are less used than the first 1"
    ]
    assert scored["tag"].to_list() == ["soup"]
    assert scored["confidence"].item() > 0.9


def test_the_held_out_contents_teach_nothing() -> None:
    held = raw_clues(said("t1", title="soup", labels=["soup"], split="test"))
    assert score() == dict(tag(NEW, kitchen(NEW, more=held)).select("tag", "confidence").rows())
