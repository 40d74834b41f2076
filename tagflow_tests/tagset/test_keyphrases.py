"""Keyphrases of single contents, worked out by hand from the rules in ``find_phrases``."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagflow.tagset.keyphrases import MAX_PHRASES, StopWords, find_phrases, load_stop_words

STOP = StopWords(frozenset({"the", "and", "with", "don"}), frozenset({"slow", "open", "day"}))


def weigh(*clues: tuple[str, str], hashtags: tuple[str, ...] = ()) -> dict[str, float]:
    """Return spelling and weight of the phrases, heaviest first."""
    return {phrase.spelling: phrase.weight for phrase in find_phrases(clues, hashtags, STOP)}


def words(text: str) -> set[str]:
    """Return the keys of the phrases of a title."""
    return {phrase.key for phrase in find_phrases([("title", text)], (), STOP)}


def test_phrases_are_neighbouring_words_between_stop_words_heaviest_longest_and_alphabetically_first():
    phrases = find_phrases([("title", "Vegan pasta and the curry with rice")], (), STOP)
    assert [phrase.key for phrase in phrases] == ["vegan pasta", "curry", "pasta", "rice", "vegan"]
    assert {phrase.weight for phrase in phrases} == {3.0}
    assert [phrase.words for phrase in phrases] == [2, 1, 1, 1, 1]
    assert [phrase.times for phrase in phrases] == [1, 1, 1, 1, 1]
    assert phrases[0].spelling == "Vegan pasta"


def test_the_weight_is_the_sum_over_fields_an_occurrence_each():
    said = weigh(
        ("title", "soup"), ("caption", "soup, hot soup"), ("category", "hot"), ("ocr", "salt"), ("asr", "soup")
    )
    assert list(said.items()) == [("soup", 8.0), ("hot", 5.0), ("hot soup", 2.0), ("salt", 1.0)]


def test_a_phrase_has_at_most_three_words():
    assert words("red lentil coconut curry") == {
        *("red", "lentil", "coconut", "curry"),
        *("red lentil", "lentil coconut", "coconut curry"),
        *("red lentil coconut", "lentil coconut curry"),
    }


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        pytest.param("salt, pepper", {"salt", "pepper"}, id="comma"),
        pytest.param("salt\npepper", {"salt", "pepper"}, id="line"),
        pytest.param("salt \u00a0pepper", {"salt", "pepper", "salt pepper"}, id="spaces only are no gap"),
        pytest.param("top 10 curries", {"top", "curries"}, id="number alone"),
        pytest.param("4K video", {"4k", "video", "4k video"}, id="a number with a letter is a word"),
        pytest.param("vitamin C helps", {"vitamin", "helps"}, id="one letter alone"),
        pytest.param("mother's cake", {"mother", "cake"}, id="possessive"),
        pytest.param("the chefs’ cake", {"chefs", "cake"}, id="possessive plural"),
        pytest.param("pasta don't stick", {"pasta", "stick"}, id="contraction of a stop word"),
        pytest.param("PASTA And RICE", {"pasta", "rice"}, id="stop words in any case"),
        pytest.param("C++ & C# code", {"c++", "c#", "code", "c# code"}, id="C++ and C#"),
        pytest.param("e-mail R&B", {"e-mail", "r&b", "e-mail r&b"}, id="inner marks"),
        pytest.param("... 12 !", set(), id="no word"),
    ],
)
def test_what_parts_phrases(text, keys):
    assert words(text) == keys


def test_a_weak_word_is_no_phrase_alone_but_may_stand_in_one():
    assert words("slow cooker") == {"cooker", "slow cooker"}
    assert words("open day") == set()


def test_a_longer_phrase_that_stands_once_in_a_light_field_is_left_out():
    assert weigh(("asr", "red lentils")) == {"lentils": 1.0, "red": 1.0}
    assert weigh(("ocr", "red lentils"), ("asr", "cheap red lentils")) == {
        "red lentils": 2.0,
        "cheap": 1.0,  # red and lentils stand twice, always in red lentils
    }


def test_a_word_that_also_stands_outside_the_longer_phrase_is_kept():
    assert weigh(("title", "red lentils, red lentils, red wine")) == {
        "red": 9.0,
        "red lentils": 6.0,
        "red wine": 3.0,
        "wine": 3.0,
    }


def test_a_hashtag_does_not_make_its_words_nested():
    said = weigh(("title", "Vegan soup"), ("caption", "a vegan dinner"), hashtags=("Vegan Dinner",))
    assert said["vegan"] == 5.0, "it stands in the title outside of vegan dinner"


def test_two_spellings_in_one_content_give_the_plain_one():
    assert weigh(("title", "Vegan"), ("caption", "VEGAN")) == {"vegan": 5.0}
    assert weigh(("title", "iPhone, iPhone")) == {"iPhone": 6.0}


def test_a_hashtag_weighs_as_much_as_a_title_word():
    assert weigh(hashtags=("Vegan Dinner", "quick")) == {"Vegan Dinner": 3.0, "quick": 3.0}
    assert weigh(hashtags=("one two three four", "")) == {}


def test_a_closing_hash_mark_is_no_part_of_the_word():
    assert words("#vegan# dinner") >= {"vegan", "dinner"}
    assert not any("#" in key for key in words("#vegan# dinner and #quick# meal"))


def test_an_accent_written_apart_stays_in_its_word():
    assert {unicodedata.normalize("NFC", key) for key in words("Cafe\u0301s")} == {"cafés"}


def test_the_heaviest_phrases_are_kept_if_there_are_too_many():
    names = [f"{letter}{letter}{number}" for letter in "zyx" for number in range(20)]
    kept = [phrase.key for phrase in find_phrases([("caption", ", ".join(names)), ("title", "zz9")], (), STOP)]
    assert kept == ["zz9", *sorted(names)[: MAX_PHRASES - 1]]


@given(st.text("ab AB'’.,#&-1é\n", max_size=40))
def test_any_text_gives_distinct_phrases_of_one_to_three_words(text):
    phrases = find_phrases([("title", text), ("asr", text)], (), STOP)
    assert len({phrase.key for phrase in phrases}) == len(phrases)
    for phrase in phrases:
        assert phrase.key == phrase.spelling.lower()
        assert len(phrase.key.split(" ")) == phrase.words <= 3
        assert phrase.weight >= phrase.times


def test_english_has_stop_words_of_both_kinds_and_an_unlisted_language_none():
    english = load_stop_words("en")
    assert {"the", "and", "of"} <= english.always
    assert {"slow", "machine"} & english.alone == {"slow"}
    assert not english.always & english.alone, "a word cannot both end phrases and stand in them"
    assert load_stop_words("xx") == (frozenset(), frozenset())


NONE = StopWords(frozenset(), frozenset())
CHINESE = {
    "新手养猫很简单": ["新手", "养猫", "很", "简单"],
    "养猫": ["养猫"],
    "猫粮选购技巧大全集锦": ["猫粮", "选购", "技巧", "大全", "集锦"],
}


def segment(run: str) -> list[str]:
    """Cut as written above; what is not there is one word."""
    return CHINESE.get(run, [run])


def test_words_without_spaces_are_cut_and_joined_without_spaces() -> None:
    phrases = find_phrases(
        [("title", "新手养猫很简单")], [], StopWords(frozenset({"很"}), frozenset({"简单"})), segment
    )
    assert {phrase.spelling for phrase in phrases} == {"新手", "养猫", "新手养猫"}


def test_a_long_unspaced_phrase_is_left_out() -> None:
    """Three words of two letters are six letters; the limit is eight, and three words are the most."""
    phrases = find_phrases([("title", "猫粮选购技巧大全集锦")], [], NONE, segment)
    assert "猫粮选购技巧" in {phrase.spelling for phrase in phrases}
    assert max(len(phrase.spelling) for phrase in phrases) == 6


def test_a_single_chinese_letter_is_a_word_of_longer_phrases_only() -> None:
    cut = {"大猫粮": ["大", "猫粮"]}.get
    phrases = find_phrases([("title", "大猫粮")], [], NONE, lambda run: cut(run) or [run])
    assert {phrase.spelling for phrase in phrases} == {"猫粮", "大猫粮"}


def test_two_scripts_in_one_phrase_touch() -> None:
    phrases = find_phrases([("title", "AI绘画")], [], NONE, lambda run: ["AI", "绘画"])
    assert {phrase.spelling for phrase in phrases} == {"AI", "绘画", "AI绘画"}


def test_the_chinese_lists_are_there() -> None:
    words = load_stop_words("zh")
    assert {"的", "怎么", "我们"} <= words.always
    assert {"视频", "今天"} <= words.alone
    assert not words.always & words.alone
