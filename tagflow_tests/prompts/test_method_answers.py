"""Answers to the methods' own questions: read as they are meant, or not at all."""

import json

import pytest

from tagflow.prompts.method_answers import (
    Reasoned,
    list_numbers,
    make_answer,
    read_clues,
    read_names,
    read_numbers,
    read_rating,
    read_titles,
)

NAMES = [["soup", "broth"], ["vegan"], ["travel"]]


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ('{"rating": 8}', 0.8),
        ('{"rating": 10}', 1.0),
        ('{"rating": 0}', 0.0),
        ('{"rating": "8/10"}', 0.8),  # never 810
        ('{"rating": "7"}', 0.7),
        ('```json\n{"rating": 3}\n```', 0.3),
    ],
)
def test_a_rating_is_a_share_of_ten(text: str, share: float) -> None:
    assert read_rating(text) == (pytest.approx(share), "")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"rating": 11}', "out_of_scale"),
        ('{"rating": -1}', "out_of_scale"),
        ('{"rating": "4/5"}', "wrong_type"),
        ('{"rating": true}', "wrong_type"),
        ('{"rating": "high"}', "wrong_type"),
        ("eight", "no_json"),
    ],
)
def test_what_is_no_rating_is_none(text: str, fault: str) -> None:
    assert read_rating(text) == (None, fault)


def test_numbers_come_with_their_reasons_and_no_more_than_asked_for() -> None:
    text = json.dumps({"clues": ["a pot", "a ladle"], "reasoning": "so\n it is", "numbers": [3, 1, 2]})
    assert read_numbers(NAMES, 2, text) == (Reasoned((2, 0), "a pot, a ladle", "so it is"), "")
    assert read_numbers(NAMES, 3, '{"numbers": []}') == (Reasoned(()), "")
    assert read_numbers(NAMES, 3, '{"numbers": ["broth"]}') == (Reasoned((0,)), "")
    assert read_numbers(NAMES, 3, '{"numbers": [9]}') == (None, "out_of_range")
    assert read_numbers(NAMES, 3, "none of them, I think") == (None, "no_json")


def test_clues_need_their_reasoning() -> None:
    assert read_clues('{"clues": "c", "reasoning": "r"}') == ({"clues": "c", "reasoning": "r"}, "")
    assert read_clues('{"clues": "c"}') == (None, "wrong_shape")


def test_titles_must_be_as_many_as_there_are_tags() -> None:
    assert read_titles(2, 2, '{"titles": ["a  b", "c", "d"]}') == (("a b", "c"), "")
    assert read_titles(2, 2, '{"titles": ["a", " "]}') == (None, "wrong_shape")
    assert read_titles(1, 2, '{"titles": [1]}') == (None, "wrong_shape")


def test_names_may_be_none() -> None:
    assert read_names(3, '{"reasoning": "r", "tags": []}') == ((), "")
    assert read_names(1, '{"tags": ["a", "b"]}') == (("a",), "")


def test_a_schema_has_its_properties_in_order_and_no_other() -> None:
    schema = json.loads(make_answer(reasoning={"type": "string"}, numbers=list_numbers(3, 2)))
    assert list(schema["properties"]) == schema["required"] == ["reasoning", "numbers"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["numbers"] == {
        "type": "array",
        "items": {"type": "integer", "enum": [1, 2, 3]},
        "maxItems": 2,
    }
