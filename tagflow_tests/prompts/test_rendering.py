"""Templates are filled strictly, a dataset's own are checked when they are loaded, and a change of words shows."""

import json

import pytest

from tagflow.errors import ConfigError
from tagflow.prompts.rendering import (
    LANGUAGES,
    NEEDED,
    SLOTS,
    check_template,
    list_candidates,
    load_prompts,
    name_language,
    parse_examples,
    read_packaged,
)

SLOT_VALUES = {
    "content": "<<<DATA 1\n{}\nDATA 1>>>",
    "most": 7,
    "examples": [{"content": "{}", "tags": '["t"]'}],
    "candidates": list_candidates(["soup", "bread"], {1: "baked"}),
    "rules": ["never 1 and 2 together"],
    "samples": [
        {
            "content": '{"title": "stew"}',
            "right": '"soup"',
            "wrong": '"bread"',
            "tags": '["soup"]',
            "clues": '"a pot"',
            "reasoning": '"it simmers"',
        }
    ],
    "reason": True,
    "style": "librarian",
    "single": False,
    "tag": '"soup"',
    "definition": '"a liquid"',
    "form": "yes_no",
    "left": {"name": '"a"', "definition": ""},
    "right": {"name": '"b"', "definition": '"bee"'},
    "aliases": "",
}
OWN = "{% block system %}Tag.{% endblock %}{% block user %}{{ content }} {{ most }}{% endblock %}"


def fill(prompts, task, **slots):
    values = {name: SLOT_VALUES[name] for name in SLOTS[task]}
    return prompts.render(task, **{**values, **slots})


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("task", SLOTS)
def test_every_packaged_template_has_its_slots_and_can_be_filled(language: str, task: str) -> None:
    check_template(task, read_packaged(language, f"{task}.jinja"))
    (system, instructions), (user, question) = fill(load_prompts(language, "recipe videos"), task)
    assert (system, user) == ("system", "user")
    assert "recipe videos" in instructions
    for slot in NEEDED[task]:
        value = SLOT_VALUES[slot]
        if slot == "left":
            value = '"a"'
        if isinstance(value, str) and slot != "form" and slot != "right":
            assert value in question
            assert value not in instructions


@pytest.mark.parametrize("language", LANGUAGES)
def test_instructions_come_first_and_hold_nothing_of_a_content(language: str) -> None:
    prompts = load_prompts(language, "recipe videos")
    for task in SLOTS:
        one = fill(prompts, task)
        other = fill(
            prompts,
            task,
            **({"content": "else"} if "content" in SLOTS[task] else {"left": {"name": "else", "definition": ""}}),
        )
        assert one[0] == other[0]
        assert one[1] != other[1]


def test_candidates_go_by_number_with_definitions_and_samples_show_right_and_wrong() -> None:
    question = fill(load_prompts("en", "x"), "select")[1][1]
    assert '1. "soup"\n2. "bread": "baked"\n' in question
    assert '{"title": "stew"}\n  right: "soup"\n  wrong: "bread"\n' in question
    assert "- never 1 and 2 together\n" in question
    assert question.index("1. ") < question.index("<<<DATA")


def test_a_single_tag_is_asked_for_where_there_is_one() -> None:
    prompts = load_prompts("en", "x")
    assert "the one tag" in fill(prompts, "select", single=True)[0][1]
    assert "the one tag" not in fill(prompts, "select")[0][1]


def test_the_judge_asks_for_the_subject_in_both_forms() -> None:
    prompts = load_prompts("en", "x")
    assert "merely mentions" in fill(prompts, "judge")[1][1]
    assert "Yes or No" in fill(prompts, "judge")[1][1]
    assert "0 to 100" in fill(prompts, "judge", form="percent")[1][1]
    assert "Yes" not in fill(prompts, "judge", form="percent")[1][1]
    assert "是或否" in fill(load_prompts("zh", "x"), "judge")[1][1]


def test_the_tag_comes_after_the_content_so_that_a_content_is_read_once() -> None:
    prompts = load_prompts("en", "x")
    one, other = fill(prompts, "judge")[1][1], fill(prompts, "judge", tag='"bread"')[1][1]
    start = one.index("DATA 1>>>")
    assert one[:start] == other[:start]


def test_a_complaint_is_the_last_word() -> None:
    for task in SLOTS:
        assert "it was empty" in fill(load_prompts("en", "x"), task, complaint="it was empty")[1][1].splitlines()[-1]


def test_other_languages_are_asked_in_english_about_tags_of_theirs() -> None:
    assert "Write the tags in French" in fill(load_prompts("fr", "x"), "propose")[0][1]
    assert "the language with the code sw" in fill(load_prompts("sw", "x"), "propose")[0][1]
    assert "用中文书写" in fill(load_prompts("zh", "x"), "propose")[0][1]
    assert name_language("de") == "German"


def test_a_slot_that_is_not_given_is_an_error_and_not_a_gap() -> None:
    with pytest.raises(Exception, match="most"):
        load_prompts("en", "x").render("propose", content="", examples=[])


def test_a_dataset_brings_its_own_template_and_examples() -> None:
    examples = '{"clues": {"title": "a \\"b\\""}, "tags": ["t1", "t2"]}\n\n'
    prompts = load_prompts("en", "x", {"propose": OWN}, examples)
    assert fill(prompts, "propose")[1][1] == f"{SLOT_VALUES['content']} 7"
    assert fill(prompts, "judge") == fill(load_prompts("en", "x"), "judge")
    (shown,) = prompts.pick_example("any")
    assert json.loads(shown["content"]) == {"title": 'a "b"'}
    assert json.loads(shown["tags"]) == ["t1", "t2"]
    assert load_prompts("en", "x", examples="").pick_example("any") == []


@pytest.mark.parametrize(
    ("task", "text", "told"),
    [
        ("tag", OWN, "prompts/tag.jinja is the template of no task"),
        ("propose", "no blocks {{ content }} {{ most }}", "must have the blocks system and user"),
        ("propose", OWN.replace("most", "mots"), "unknown slot 'mots'"),
        ("propose", OWN.replace("{{ content }}", ""), "leaves out the slot 'content'"),
        ("judge", OWN, "unknown slot 'most'"),
        ("propose", OWN.replace("endblock", "end"), "no readable template"),
        ("propose", OWN.replace("Tag.", "{{"), "no readable template"),
    ],
)
def test_a_template_that_cannot_be_filled_is_refused_with_the_reason(task: str, text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load_prompts("en", "x", {task: text})


def test_a_template_reaches_nothing_of_python() -> None:
    hostile = OWN.replace("{{ most }}", "{{ ''.__class__.__mro__ }} {{ most }}")
    with pytest.raises(Exception, match="unsafe"):
        fill(load_prompts("en", "x", {"propose": hostile}), "propose")


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"clues": {}, "tags": ["a"]}',
        '{"clues": {"t": "x"}, "tags": []}',
        '{"clues": {"t": 1}, "tags": ["a"]}',
        '{"tags": ["a"]}',
        '{"clues": {"t": "x"}, "tags": "a"}',
    ],
)
def test_a_worked_example_that_is_none_is_refused_with_its_line(line: str) -> None:
    with pytest.raises(ConfigError, match=r"examples\.jsonl, line 2"):
        parse_examples(f'{{"clues": {{"title": "x"}}, "tags": ["a"]}}\n{line}')


def test_the_fingerprint_follows_the_words_the_examples_and_the_domain() -> None:
    plain = load_prompts("en", "x")
    assert plain.fingerprint("propose") == load_prompts("en", "x").fingerprint("propose")
    others = [
        load_prompts("en", "x", {"propose": OWN}),
        load_prompts("en", "x", examples=""),
        load_prompts("en", "y"),
        load_prompts("zh", "x"),
        load_prompts("fr", "x"),
    ]
    assert len({prompts.fingerprint("propose") for prompts in (plain, *others)}) == 6
    assert others[1].fingerprint("judge") == plain.fingerprint("judge")
    assert plain.fingerprint("select") != plain.fingerprint("rerank")


def test_a_content_always_gets_the_same_example_and_contents_get_different_ones() -> None:
    prompts = load_prompts("en", "x")
    assert prompts.pick_example("c1") == prompts.pick_example("c1")
    assert len({str(prompts.pick_example(f"c{n}")) for n in range(60)}) == 3
