"""Guards: tables of pairs that they refuse and that they leave alone."""

import polars as pl
import pytest

from tagflow.errors import ConfigError
from tagflow.tagset.guards import GUARDS, refuse_pairs


def refuse(left: str, right: str, language: str, guards=tuple(GUARDS)) -> tuple[str, str]:
    """Return guard and reason of one pair, the same in both directions."""
    pairs = pl.DataFrame({"left": [left, right], "right": [right, left]})
    forth, back = refuse_pairs(pairs, language, guards).rows()
    assert forth[0] == back[0]
    return forth


@pytest.mark.parametrize(
    ("left", "right", "reason"),
    [
        ("iphone 12", "iphone 13", "numbers differ: 12 / 13"),
        ("iphone", "iphone 12", "numbers differ: none / 12"),
        ("python 3.9", "python 3.10", "numbers differ: 3.9 / 3.10"),
        ("10 recipes", "top 10 recipes", ""),
        ("recipes", "top 10 recipes", "numbers differ: none / 10"),
        ("good recipes", "top 10 recipes", ""),
        ("5 km race", "10 km race", "numbers differ: 5 km / 10 km"),
        ("5km race", "5 km race", ""),
        ("5 km walk", "5 miles walk", "numbers differ: 5 km / 5 miles"),
        ("60 minutes", "1 hour", ""),
        ("10k", "10000", ""),
        ("2nd generation", "second generation", ""),
        ("two bedrooms", "three bedrooms", "numbers differ: 2 / 3"),
        ("rocky ii", "rocky 2", ""),
        ("rocky ii", "rocky iii", "numbers differ: 2 / 3"),
        ("vitamin a", "vitamin e", "letters differ: a / e"),
        ("2020 olympics in 3 parts", "olympics 2020", "numbers differ: 2020, 3 / 2020"),
        ("covid", "covid 19", ""),
        ("from 2 to 3", "from 3 to 2", "numbers differ: 2, 3 / 3, 2"),
    ],
)
def test_english_numbers(left, right, reason):
    pairs = pl.DataFrame({"left": [left], "right": [right]})
    assert refuse_pairs(pairs, "en", ["numbers"])["reason"][0] == reason


@pytest.mark.parametrize(
    ("left", "right", "reason"),
    [
        ("三年级", "四年级", "numbers differ: 3 / 4"),
        ("三年级作文", "3年级作文", ""),
        ("作文", "三年级作文", ""),
        ("第三季", "第3季", ""),
        ("华为p40", "华为p50", "numbers differ: 40 / 50"),
        ("p图", "p图2", "numbers differ: none / 2"),
        ("一加手机", "三加手机", "numbers differ: 一 / 三"),
        ("三明治做法", "明治做法", "numbers differ: 三 / none"),
        ("五香豆干", "麻辣豆干", ""),
        ("7天减脂", "一周减脂", ""),
    ],
)
def test_chinese_numbers(left, right, reason):
    pairs = pl.DataFrame({"left": [left], "right": [right]})
    assert refuse_pairs(pairs, "zh", ["numbers"])["reason"][0] == reason


@pytest.mark.parametrize(
    ("left", "right", "reason"),
    [
        ("left wing", "right wing", "opposites: left wing / right wing"),
        ("hyperthermia", "hypothermia", "opposites: hyperthermia / hypothermia"),
        ("painful exercise", "painless exercise", "opposites: painful / painless"),
        ("gluten", "gluten free", "one negates: none / free"),
        ("smoking rooms", "non-smoking rooms", "one negates: none / non"),
        ("gluten", "gluten pasta", ""),
        ("edible mushrooms", "inedible mushrooms", "one negates: edible / inedible"),
        ("sugar", "sugarless", "one negates: sugar / sugarless"),
        ("men's shoes", "women's shoes", "opposites: men / women"),
        ("shoes for men", "women's shoes", "opposites: men / women"),
        ("high blood pressure", "hypotension", "opposites: high blood pressure / low blood pressure"),
        ("high blood pressure", "hypertension", ""),
        ("christmas songs", "easter songs", "opposites: christmas / easter"),
        ("xmas songs", "easter songs", "opposites: christmas / easter"),
        ("non-profit", "nonprofit", ""),
        ("autumn leaves", "fall leaves", ""),
        ("buy and sell cars", "sell cars", ""),
        ("gray cats", "grey cats", ""),
        ("dinner ideas", "supper ideas", ""),
    ],
)
def test_english_opposites(left, right, reason):
    pairs = pl.DataFrame({"left": [left], "right": [right]})
    assert refuse_pairs(pairs, "en", ["opposites"])["reason"][0] == reason


@pytest.mark.parametrize(
    ("left", "right", "reason"),
    [
        ("高血压", "低血压", "opposites: 高 / 低"),
        ("高血壓", "低血压", "opposites: 高 / 低"),
        ("右倒库", "左倒库", "opposites: 右 / 左"),
        ("性价比高", "性价比低", "opposites: 高 / 低"),
        ("中式烹饪", "西式烹饪", "opposites: 中式 / 西式"),
        ("发型女士", "男士发型", "opposites: 女 / 男"),
        ("处方药", "非处方药", "one negates: none / 非"),
        ("卫生间灯", "厨房灯", "opposites: 洗手间 / 厨房"),
        ("洗手间灯", "卫生间灯", ""),
        ("早餐食谱", "食谱", ""),
        ("高考", "高考志愿", ""),
        ("洗发水", "洗发露", ""),
        ("美食教程", "美食教学", ""),
    ],
)
def test_chinese_opposites(left, right, reason):
    pairs = pl.DataFrame({"left": [left], "right": [right]})
    assert refuse_pairs(pairs, "zh", ["opposites"])["reason"][0] == reason


@pytest.mark.parametrize(
    ("left", "right", "language", "reason"),
    [
        ("oslo hotels", "helsinki hotels", "en", "names differ: oslo / helsinki"),
        ("china food", "chinese food", "en", ""),
        ("java", "javascript", "en", "names differ: java / javascript"),
        ("pypi", "pypy", "en", "names differ: pypi / pypy"),
        ("carolina beach", "north carolina beach", "en", ""),
        ("south carolina beach", "north carolina beach", "en", "names differ: south carolina / north carolina"),
        ("nyc", "new york", "en", ""),
        ("seattle", "seattle restaurants", "en", ""),
        ("xyzzy tutorial", "frobnitz tutorial", "en", "names differ: xyzzy / frobnitz"),
        ("frobnitzy tutorial", "frobnitzi tutorial", "en", ""),
        ("frobnitz", "xyzzy", "en", "names differ: frobnitz / xyzzy"),
        ("北京旅游", "南京旅游", "zh", "names differ: 北京 / 南京"),
        ("北京旅游", "北京市旅游", "zh", ""),
        ("清华录取", "清华大学录取", "zh", ""),
        ("亚洲运动会", "亚运会", "zh", ""),
    ],
)
def test_names(left, right, language, reason):
    pairs = pl.DataFrame({"left": [left], "right": [right]})
    assert refuse_pairs(pairs, language, ["names"])["reason"][0] == reason


@pytest.mark.parametrize(
    ("left", "right", "reason"),
    [
        ("lunch", "school lunch", "one is narrower: school"),
        ("jazz", "jazz music", ""),
        ("the beatles", "beatles", ""),
        ("excel", "microsoft excel", ""),
        ("lemon cakes", "lemon cake recipe", "one is narrower: recipe"),
        ("school lunch", "school lunches", ""),
        ("school lunch", "office lunch", ""),
        ("self care", "selfcare", ""),
    ],
)
def test_scope(left, right, reason):
    pairs = pl.DataFrame({"left": [left], "right": [right]})
    assert refuse_pairs(pairs, "en", ["scope"])["reason"][0] == reason


def test_the_first_guard_that_refuses_is_told_and_those_switched_off_are_not_asked():
    assert refuse("oslo 2", "helsinki 3", "en") == ("numbers", "numbers differ: 2 / 3")
    assert refuse("oslo 2", "helsinki 3", "en", ["names"])[0] == "names"
    assert refuse("oslo 2", "helsinki 3", "en", []) == ("", "")


def test_evidence_of_contents_refuses_but_not_two_spellings_of_the_same_words():
    pairs = pl.DataFrame({"left": ["beach", "self-care"], "right": ["sea", "selfcare"]})
    evidence = {"facets": pl.Series(["together", "together"])}
    assert refuse_pairs(pairs, "en", ["facets"], evidence=evidence)["guard"].to_list() == ["facets", ""]
    assert refuse_pairs(pairs, "en", ["names"], evidence=evidence)["guard"].to_list() == ["", ""]


def test_no_pairs_and_a_language_without_lists():
    none = pl.DataFrame({"left": [], "right": []}, schema={"left": pl.String, "right": pl.String})
    for language in ("en", "zh", "de"):
        assert refuse_pairs(none, language, GUARDS).shape == (0, 2)
    assert refuse("linie 4", "linie 5", "de") == ("numbers", "numbers differ: 4 / 5")
    assert refuse("haus", "garten", "de") == ("", "")


def test_an_unknown_guard_is_named():
    with pytest.raises(ConfigError, match="no guard named nmubers: take some of numbers, opposites"):
        refuse("a", "b", "en", ["nmubers"])
