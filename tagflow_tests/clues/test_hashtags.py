"""Hashtags in every style people write them: found without their marks, and stripped without a rest."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagflow.clues.hashtags import find_hashtags, strip_hashtags


def found(text: str | None) -> list[str]:
    """Return the hashtags of one text."""
    return (
        pl.DataFrame({"text": [text]}, schema={"text": pl.String})
        .select(find_hashtags(pl.col("text")))
        .item()
        .to_list()
    )


def stripped(text: str | None) -> str | None:
    """Return one text without its hashtags."""
    return pl.DataFrame({"text": [text]}, schema={"text": pl.String}).select(strip_hashtags(pl.col("text"))).item()


@pytest.mark.parametrize(
    ("text", "hashtags"),
    [
        pytest.param("Dinner #vegan and #quick", ["vegan", "quick"], id="in order"),
        pytest.param("#food, #fun!", ["food", "fun"], id="punctuation ends one"),
        pytest.param("#b #a #b", ["b", "a"], id="each once"),
        pytest.param("#vegan# dinner", ["vegan"], id="closing mark"),
        pytest.param("#健康飲食# 每日 #旅行##美食#", ["健康飲食", "旅行", "美食"], id="CJK with closing marks"),
        pytest.param("#旅行#今天出發", ["旅行"], id="text right after a closing mark"),
        pytest.param("＃夏 ＃海＃", ["夏", "海"], id="full-width mark"),
        pytest.param("#2024 #7_7 #top10", ["top10"], id="digits alone are none"),
        pytest.param(
            "#crème_brûlée #cafe\u0301 #हिन्दी", ["crème_brûlée", "cafe\u0301", "हिन्दी"], id="accents and vowel signs"
        ),
        pytest.param("C# is # 1", [], id="a mark before nothing"),
        pytest.param("#travel#food#fun", ["travel", "food", "fun"], id="written without spaces"),
        pytest.param("", [], id="empty"),
        pytest.param(None, [], id="null"),
    ],
)
def test_hashtags_are_found_without_marks(text, hashtags):
    assert found(text) == hashtags


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        pytest.param("Dinner #vegan tonight", "Dinner tonight", id="in the middle"),
        pytest.param("#vegan# dinner ＃quick＃", "dinner", id="closing marks"),
        pytest.param("one\n#tag\ntwo", "one\n\ntwo", id="lines stay"),
        pytest.param("#only", "", id="nothing else"),
        pytest.param("no tag,  here", "no tag, here", id="nothing to strip"),
        pytest.param("ranked #1 of 9 #win", "ranked #1 of 9", id="a number is no hashtag and stays"),
        pytest.param(None, None, id="null stays null"),
    ],
)
def test_stripping_takes_the_hashtags_only(text, rest):
    assert stripped(text) == rest


@given(st.text("#＃ab食1_ \n", max_size=14))
def test_no_hashtag_is_left_after_stripping(text):
    assert found(stripped(text)) == []
