"""Segmenters: Chinese is cut into words, and a missing extra is named."""

import sys

import pytest

from tagflow.adapters.segmenters import find_segmenter
from tagflow.errors import ConfigError


def test_chinese_is_cut_into_words_that_put_together_are_the_text() -> None:
    segment = find_segmenter("zh")
    assert segment is not None
    assert segment("自行车轮胎漏气怎么办") == ["自行车", "轮胎", "漏气", "怎么办"]
    assert "".join(segment("AI绘画2024年入门")) == "AI绘画2024年入门"


def test_languages_with_spaces_need_none() -> None:
    assert find_segmenter("en") is None


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find_segmenter.cache_clear()
    monkeypatch.setitem(sys.modules, "rjieba", None)
    with pytest.raises(ConfigError, match=r"pip install 'tagflow\[chinese\]'"):
        find_segmenter("zh")
    find_segmenter.cache_clear()
