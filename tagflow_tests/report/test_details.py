"""Single tags, contents and words as the page shows them."""

import pytest

from tagflow.report.details import list_cases, list_clues, list_costs, list_tags, list_verdicts, list_words
from tagflow_tests.frames import make_table


def test_the_best_and_the_worst_tags_are_those_seen_often_enough() -> None:
    rows = [
        {
            "tag_id": tag,
            "tag": tag,
            "gold": gold,
            "given": 4,
            "right": right,
            "precision": 0.5,
            "recall": 0.25,
            "f1": f1,
        }
        for tag, gold, right, f1 in (("soup", 4, 4, 1.0), ("pie", 5, 1, 0.3), ("rare", 2, 2, 1.0), ("none", 3, 0, 0.0))
    ]
    rows[1] |= {"confused_with": "cake", "confused": 1200}
    found = list_tags(make_table("evaluation_report", rows, "tag_results"))
    assert [row["tag"] for row in found["best"]] == ["soup"]
    assert [row["tag"] for row in found["worst"]] == ["none"]
    rows.append({**rows[0], "tag_id": "stew", "tag": "stew"})
    found = list_tags(make_table("evaluation_report", rows, "tag_results"))
    assert [row["tag"] for row in found["best"]] == ["soup", "stew"]
    assert found["worst"][1] == {
        "tag": "pie",
        "f1": "0.30",
        "precision": "0.50",
        "recall": "0.25",
        "gold": "5",
        "confused": "cake (1,200)",
    }


def test_a_case_has_the_lists_of_people_and_methods() -> None:
    one = {"case": 1, "content_id": "c", "content": "Soup"}
    rows = [
        {**one, "method": "people", "tags": ["soup"], "right": ["soup"]},
        {**one, "method": "own", "tags": ["rome", "soup"], "right": ["soup"]},
    ]
    (case,) = list_cases(make_table("evaluation_report", rows, "cases"))
    assert case["lists"] == [("people", [("soup", True)]), ("own", [("rome", False), ("soup", True)])]


def test_a_word_is_as_large_as_it_is_used() -> None:
    """The most used word has 2.6 rem; one used a quarter as often 0.8 + 1.8 / 2."""
    words = [("soup", 16), ("beans", 4)]
    rows = [{"tag_set": "tagflow", "word": word, "contents": contents} for word, contents in words]
    found = list_words(make_table("evaluation_report", rows, "words"), "tagflow")
    assert [(one["word"], float(one["size"])) for one in found["cloud"]] == [
        ("beans", pytest.approx(1.7)),
        ("soup", pytest.approx(2.6)),
    ]
    assert [(one["word"], one["share"]) for one in found["bars"]] == [("soup", "100"), ("beans", "25")]
    assert list_words(make_table("evaluation_report", rows, "words"), "people") == {"cloud": [], "bars": []}


def test_a_verdict_stands_with_its_difference() -> None:
    row = {"method": "match", "metric": "nDCG@10", "difference": -0.1, "low": -0.125, "high": -0.05, "verdict": "worse"}
    found = list_verdicts(make_table("evaluation_report", [row | {"n": 9}], "differences"), "nDCG@10")
    assert found == {"match": ("worse", "-0.100 (-0.125 to -0.050)")}


def test_a_field_earns_what_is_lost_without_it() -> None:
    row = {"field": "asr", "contents": 1200, "with_it": 0.75, "without_it": 0.5, "low": 0.125, "high": 0.375}
    (found,) = list_clues(make_table("evaluation_report", [row], "clue_results"))
    assert (found["earns"], found["interval"], found["contents"]) == ("+0.250", "+0.125 to +0.375", "1,200")


def test_costs_are_said_for_a_thousand_contents() -> None:
    """50 contents: 2 s, 100 requests, 3,000 tokens, 0.01 of money; 5 without an answer."""
    ran = {
        "method": "a",
        "contents": 50,
        "seconds": 2.0,
        "requests": 100,
        "tokens": 3000,
        "money": 0.01,
        "unanswered": 5,
    }
    other = {"method": "b", **dict.fromkeys(("contents", "requests", "tokens", "unanswered", "answers_reused"), 0)}
    rows = [ran | {"answers_reused": 0}, other | {"not_run": "no labels"}]
    first, second = list_costs(make_table("evaluation_report", rows, "method_costs"))
    assert (first["seconds"], first["requests"], first["tokens"]) == ("40.0", "2,000", "60,000")
    assert (first["money"], first["unanswered"]) == ("0.2000", "10.0%")
    assert (second["seconds"], second["not_run"]) == ("–", "no labels")
