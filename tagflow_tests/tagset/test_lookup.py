"""What became of a tag that a person asks for: every fate has a sentence of its own."""

import pytest

from tagflow.settings import VocabularySettings
from tagflow.tagset.lookup import Answer, look_up
from tagflow_tests.frames import make_table
from tagflow_tests.worlds import proposals, raw_clues, said, tag_set

TAGSET = tag_set({"eggplant": ["Aubergine"], "soup": []})
LOG = make_table(
    "fused_tagset",
    [{"tag": "Aubergine", "leader": "eggplant", "similarity": 0.834, "decision": "merged", "reason": "near"}],
    "fusion_log",
)
CLUES = raw_clues(
    said("f", title="x", labels=["Korean"]), said("t", title="y", labels=["Secret", "korean"], split="test")
)


def ask(name: str, *verdicts: tuple[str, str, int], **settings: object) -> Answer:
    """Look a name up where the filter judged (tag, verdict, contents)."""
    rows = [
        {"key": tag.lower(), "tag": tag, "contents": contents, "verdict": verdict, "origin": "proposed"}
        for tag, verdict, contents in verdicts
    ]
    proposed = proposals(("f", "crunchy bits", 0.5))
    said_by = make_table("filtered_tagset", rows)
    return look_up(name, TAGSET, LOG, said_by, (CLUES, proposed), VocabularySettings(**settings))


def test_a_tag_is_found_by_name_spelling_and_alias():
    assert ask("soup") == Answer("in_tag_set", "soup", "soup", '"soup" is a tag of the tag set')
    assert ask(" #Soup ").sentence == '" #Soup " is another spelling of the tag "soup"'
    merged = ask("aubergine")
    assert (merged.tag_id, merged.sentence) == (
        "eggplant",
        '"aubergine" was merged into the tag "eggplant" (cosine 0.83)',
    )


@pytest.mark.parametrize(
    ("verdict", "contents", "said_of_it"),
    [
        ("too_rare", 2, "too rare: 2 contents, at least 3 needed"),
        ("too_rare", 1, "too rare: 1 content, at least 3 needed"),
        ("too_common", 44, "too common: 44 contents, more than 25% of them all"),
        ("banned", 9, "banned in vocabulary.yaml"),
        ("malformed", 9, "malformed: no letter in it, or longer than 40 characters"),
    ],
)
def test_a_tag_that_the_filter_cut_says_why(verdict, contents, said_of_it):
    answer = ask("Main Dish", ("main dish", verdict, contents))
    assert (answer.fate, answer.tag_id) == (verdict, None)
    assert answer.sentence.startswith('"main dish" is not in the tag set, it is ')
    assert said_of_it in answer.sentence


def test_a_tag_that_the_filter_keeps_and_the_tag_set_lacks_is_a_matter_of_running():
    answer = ask("stew", ("stew", "kept", 5))
    assert answer.fate == "outdated"
    assert "run the dataset" in answer.sentence


def test_a_tag_of_a_source_that_the_tag_set_does_not_take():
    given = ask("korean", source="proposed")
    assert (given.fate, given.tag_id) == ("not_taken", None)
    assert "people gave it, but the tag set is made from another source" in given.sentence
    assert "it was proposed, but" in ask("Crunchy Bits", source="labels").sentence


def test_a_tag_of_held_out_contents_only_was_never_learned():
    answer = ask("secret")
    assert answer.fate == "not_taken"
    assert "held-out contents only" in answer.sentence


def test_an_unknown_tag_comes_with_a_near_spelling_where_there_is_one():
    assert ask("eggplnat").sentence == "\"eggplnat\" was never proposed nor given by people, did you mean 'eggplant'"
    assert ask("zzzz") == Answer("unknown", None, "zzzz", '"zzzz" was never proposed nor given by people')


def test_nothing_is_no_tag():
    empty = TAGSET.clear()
    answer = look_up(
        "", empty, LOG.clear(), make_table("filtered_tagset", []), (CLUES, proposals()), VocabularySettings()
    )
    assert answer.fate == "unknown"
