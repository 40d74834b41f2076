"""Answers as models really give them: each has a named outcome, and none becomes a tag that was not said."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagflow.prompts.answers import RUNAWAY, make_schema, read_choices, read_definition, read_tags
from tagflow.prompts.loose_json import find_json

TAGS = ("soup", "bread")
CANDIDATES = [["Soup", "broth"], ["bread", "loaf"], ["salt, pepper"], ["2024"], ["7 up"], ["naïve art"]]

READ: list[tuple[str, tuple[str, ...], str]] = [
    ('{"tags": ["soup", "bread"]}', TAGS, "strict"),
    ('  {"tags":["soup","bread"]}\n\n', TAGS, "strict"),
    ('["soup", "bread"]', TAGS, "strict"),
    ('{"Tags": ["soup", "bread"]}', TAGS, "strict"),
    ('{"tags": ["soup", "bread"], "reason": "because"}', TAGS, "strict"),
    ('\ufeff{"tags": ["soup", "bread"]}', TAGS, "strict"),
    ('{"tags": []}', (), "strict"),
    ('{"tags": ["s\\u006fup", "bread"]}', TAGS, "strict"),
    ('```json\n{"tags": ["soup", "bread"]}\n```', TAGS, "fenced"),
    ('```\n{"tags": ["soup", "bread"]}\n```', TAGS, "fenced"),
    ('~~~json\n{"tags": ["soup", "bread"]}\n~~~', TAGS, "fenced"),
    ('Sure! Here you go:\n{"tags": ["soup", "bread"]}\nEnjoy.', TAGS, "prose"),
    ('Here:\n```json\n{"tags": ["soup", "bread"]}\n```\nDone', TAGS, "prose"),
    ('{"tags": ["soup", "bread"]}\n{"tags": ["soup", "bread"]}', TAGS, "prose"),
    ('It [the dish] fits {"tags": ["soup", "bread"]}', TAGS, "prose"),
    ('{"tags": ["soup", "bread",]}', TAGS, "repaired"),
    ('{"tags": ["soup", "bread"],}', TAGS, "repaired"),
    ("{'tags': ['soup', 'bread']}", TAGS, "repaired"),
    ("{'tags': [\"soup\", 'bread',],}", TAGS, "repaired"),
    ("{“tags”: [“soup”, “bread”]}", TAGS, "repaired"),
    ('｛"tags"：［"soup"，"bread"］｝', TAGS, "repaired"),
    ("Sure: {'tags': ['soup', 'bread']}!", TAGS, "repaired"),
    ('<think>{"tags": ["wine"]} hm</think>{"tags": ["soup", "bread"]}', TAGS, "thought"),
    ('{"tags": ["wine"]}? no.</think>\n{"tags": ["soup", "bread"]}', TAGS, "thought"),
    ('<think>a</think> <think>{"tags": []}</think>{"tags": ["soup", "bread"]}', TAGS, "thought"),
    ('{"tags": ["soup\n", "bread"]}', TAGS, "repaired"),
    ("{'tags': ['chef\\'s knife']}", ("chef's knife",), "repaired"),
    ("{'tags': ['the \"best\" soup']}", ('the "best" soup',), "repaired"),
    ('{"tags": ["soup", "Soup", " SOUP ", "#soup", "Ｓｏｕｐ", "bread"]}', ("soup", "bread"), "strict"),
    ('{"tags": ["salt, pepper"]}', ("salt, pepper",), "strict"),
    ('{"tags": ["a]b", "c}d", "e,]"]}', ("a]b", "c}d", "e,]"), "strict"),
    ("{'tags': ['e,]', 'f,}',]}", ("e,]", "f,}"), "repaired"),
    ('{"tags": ["soup", 7, null, true, {"tag": "x"}, ["y"], "bread"]}', TAGS, "strict"),
    ('{"tags": ["soup", "", "  ", "!!!", "bread"]}', TAGS, "strict"),
    (
        r'{"tags": ["soup", "two\u2028lines", "be\u0007ll", "half \ud83d", "turn\u202eed", "bread"]}',
        ("soup", "two lines", "bread"),
        "strict",
    ),
    (json.dumps({"tags": ["soup", "x" * 81, "bread"]}), TAGS, "strict"),
    ('{"tags": ["two  \\n words"]}', ("two words",), "strict"),
]

UNUSABLE: list[tuple[str, str]] = [
    ("", "blank"),
    ("   \n\t ", "blank"),
    ("\ufeff", "blank"),
    ("<think>all thought</think>", "blank"),
    ("<think>still thinking {", "unclosed_thought"),
    ("soup, bread", "no_json"),
    ("1. soup\n2. bread", "no_json"),
    ("I'm sorry, I cannot help with that.", "no_json"),
    ('{"tags": ["soup", "bre', "no_json"),
    ('{"tags": ["soup", "bread"]', "no_json"),
    ('"tags": ["soup"', "no_json"),
    ("{tags: [soup, bread]}", "no_json"),
    ('{"tags": ["soup" "bread"]}', "no_json"),
    ('{"tags": ["soup",, "bread"]}', "no_json"),
    ("{'tags': ['chef's knife', 'bread']}", "no_json"),
    ('{"tags": ["soup"]} or {"tags": ["bread"]}', "several"),
    ('{"tags": ["soup"]}{"tags": ["bread"]}', "several"),
    ('["soup"] {"tags": ["soup"]}', "several"),
    ('{"tags": ["soup"], "tags": ["bread"]}', "no_json"),
    ('{"tags": ["soup"], "Tags ": ["bread"]}', "no_json"),
    ('{"tags": "soup, bread"}', "wrong_shape"),
    ('{"tags": {"0": "soup"}}', "wrong_shape"),
    ('{"tags": null}', "wrong_shape"),
    ('{"labels": ["soup"]}', "wrong_shape"),
    ('{"answer": {"tags": ["soup"]}}', "wrong_shape"),
    ("{}", "wrong_shape"),
    ("null", "no_json"),
    ('"soup"', "no_json"),
    ("42", "no_json"),
    ('{"tags": [1, 2]}', "wrong_type"),
    ('{"tags": [["soup"]]}', "wrong_type"),
    ('{"tags": ["", "..."]}', "malformed"),
    ('{"tags": [NaN]}', "no_json"),
    ('{"tags": [' + "9" * 5000 + "]}", "no_json"),
    (json.dumps({"tags": [f"tag {n}" for n in range(10_000)]}), "runaway"),
    (json.dumps({"tags": ["soup"] * 10_000}), "runaway"),
    ("[" * 100_000, "no_json"),
    ("{" * 500 + "}" * 500, "no_json"),
    ("x" * 300_000, "oversized"),
    ('```json\n{"tags": ["soup"]', "no_json"),
    ("```json\n```", "no_json"),
    ("<html><body>502</body></html>", "no_json"),
]


@pytest.mark.parametrize(("text", "tags", "mode"), READ)
def test_an_answer_that_says_what_was_asked_is_read(text: str, tags: tuple[str, ...], mode: str) -> None:
    reading = read_tags(text, 10)
    assert (reading.values, reading.usable, reading.mode) == (tags, True, mode)


@pytest.mark.parametrize(("text", "why"), UNUSABLE, ids=range(len(UNUSABLE)))
def test_any_other_answer_is_unusable_with_a_reason_and_no_tag(text: str, why: str) -> None:
    reading = read_tags(text, 10)
    assert (reading.values, reading.usable, reading.mode) == ((), False, why)


def test_the_corpus_is_as_large_as_it_should_be() -> None:
    assert len(READ) + len(UNUSABLE) >= 60


def test_what_is_left_out_is_counted_by_kind() -> None:
    reading = read_tags('{"tags": ["soup", "Soup", 7, "", "bread", "wine", "beer"]}', 3)
    assert reading.values == ("soup", "bread", "wine")
    assert reading.slips == {"duplicate": 1, "wrong_type": 1, "malformed": 1, "excess": 1}


@pytest.mark.parametrize("most", [1, 2, 3])
def test_the_number_asked_for_is_a_number_and_not_a_flag(most: int) -> None:
    assert len(read_tags('{"tags": ["a1", "b2", "c3", "d4"]}', most).values) == most


@pytest.mark.parametrize(
    ("said", "places", "slips"),
    [
        ('{"numbers": [1, 3]}', (0, 2), {}),
        ('{"numbers": [3, 1]}', (2, 0), {}),
        ("[2]", (1,), {}),
        ("1, 3", (0, 2), {}),
        ("1、3", (0, 2), {}),
        ("2", (1,), {}),
        ("<think>1, 2?</think>\n3", (2,), {}),
        ('{"numbers": []}', (), {}),
        ('{"numbers": [1, 1, 1.0, "1"]}', (0,), {"duplicate": 3}),
        ('{"numbers": [1, 0, -1, 7, 99999999999999999999]}', (0,), {"out_of_range": 4}),
        ('{"numbers": [1, 1.5, 1e999, true, null, {}, [2]]}', (0,), {"wrong_type": 6}),
        ('{"numbers": ["1", "２", " 3 ", "#5"]}', (0, 1, 2, 4), {}),
        ('{"numbers": ["SOUP", "loaf", "Ｎａïve Art"]}', (0, 1, 5), {}),
        ('{"numbers": ["broth", "soup", 1]}', (0,), {"duplicate": 2}),
        ('{"numbers": ["salt, pepper"]}', (2,), {}),
        ('{"numbers": ["1. Soup", "2: bread", "3) salt, pepper"]}', (0, 1, 2), {}),
        ('{"numbers": ["1. bread", 2]}', (1,), {"disagreeing": 1}),
        ('{"numbers": ["2024", 1]}', (3, 0), {}),  # out of range as a number, so it can only be the name
        ('{"numbers": ["wine", 1]}', (0,), {"unknown_name": 1}),
        ('{"numbers": ["soup\\nignore", 1]}', (0,), {"malformed": 1}),
        ('{"numbers": ["7 up"]}', (4,), {}),
    ],
)
def test_choices_go_by_number_or_by_any_spelling_of_a_candidate(
    said: str, places: tuple[int, ...], slips: dict[str, int]
) -> None:
    reading = read_choices(said, CANDIDATES)
    assert (reading.usable, reading.values, reading.slips) == (True, places, slips)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ('{"numbers": [99]}', "out_of_range"),
        ('{"numbers": ["wine", "beer"]}', "unknown_name"),
        ('{"numbers": [true]}', "wrong_type"),
        ('{"numbers": 3}', "wrong_shape"),
        ('{"numbers": "1, 3"}', "wrong_shape"),
        ("soup", "no_json"),
        ("none", "no_json"),
        ("8/10", "no_json"),
        ("1 or 3", "no_json"),
        ("1-3", "no_json"),
        ('{"numbers": [1]} {"numbers": [2]}', "several"),
        ("1 " * 5000, "runaway"),
        (json.dumps({"numbers": list(range(1, 10_001))}), "runaway"),
    ],
)
def test_an_answer_that_names_no_candidate_is_not_none_fits(said: str, why: str) -> None:
    reading = read_choices(said, CANDIDATES)
    assert (reading.usable, reading.values, reading.mode) == (False, (), why)


def test_a_number_that_is_another_candidates_name_means_neither() -> None:
    assert read_choices('{"numbers": ["2", 1]}', [["one"], ["two"], ["2"]]).slips == {"disagreeing": 1}


def test_a_spelling_of_two_candidates_is_nobodys_but_a_name_comes_before_an_alias() -> None:
    assert read_choices('{"numbers": ["pie", 1]}', [["tart", "pie"], ["pie"]]).values == (1, 0)
    assert read_choices('{"numbers": ["pie", 1]}', [["Pie"], ["pie"]]).slips == {"unknown_name": 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"definition": "Dishes that are drunk or spooned."}', "Dishes that are drunk or spooned."),
        ('{"definition": ""}', None),
        ('{"definition": "two\\nlines"}', None),
        (json.dumps({"definition": "long " * 100}), None),
        ('{"definition": ["x"]}', None),
        ("Dishes.", None),
    ],
)
def test_a_definition_is_one_line(text: str, said: str | None) -> None:
    reading = read_definition(text)
    assert reading.values == (() if said is None else (said,))
    assert reading.usable is (said is not None)


def test_schemas_name_the_form_and_the_range() -> None:
    select: dict[str, Any] = json.loads(make_schema("select", 3))
    assert select["properties"]["numbers"]["items"] == {"type": "integer", "enum": [1, 2, 3]}
    assert json.loads(make_schema("propose", 5))["properties"]["tags"]["maxItems"] == 5
    for task in ("propose", "select", "rerank", "describe"):
        schema = json.loads(make_schema(task, 3))
        assert schema["additionalProperties"] is False
        assert schema["required"] == list(schema["properties"])


@given(st.data())
@settings(max_examples=600, deadline=None)
def test_no_mutation_of_an_answer_raises_or_says_what_it_did_not_say(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([text for text, *_ in (*READ, *UNUSABLE) if len(text) < 400]))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text)))
        width = data.draw(st.integers(0, 3))
        text = (
            text[:place]
            + data.draw(st.sampled_from(["", '"', "'", ",", "]", "}", "{", "[", "\\", "\x00", "1", "”"]))
            + text[place + width :]
        )
    reading = read_tags(text, 10)
    assert reading.usable or not reading.values
    if "\\" not in text:
        assert all(tag in " ".join(text.split()) for tag in reading.values if tag.isascii())
    for place in read_choices(text, CANDIDATES).values:
        assert 0 <= place < len(CANDIDATES)


@given(st.text(max_size=200))
def test_any_text_at_all_is_read_or_is_not(text: str) -> None:
    assert find_json(text).mode
    assert read_tags(text, 5).mode
    assert len(read_tags(text, 5).values) <= 5


@given(st.lists(st.integers(-5, RUNAWAY), max_size=RUNAWAY))
def test_only_places_of_the_list_come_out(chosen: list[int]) -> None:
    reading = read_choices(json.dumps({"numbers": chosen}), CANDIDATES)
    assert set(reading.values) == {number - 1 for number in chosen if 1 <= number <= len(CANDIDATES)}
