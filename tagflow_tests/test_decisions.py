"""vocabulary.yaml as people write it: what is read, and the sentence that each mistake gets."""

from pathlib import Path

import pytest

from tagflow.decisions import TagGroup, TagRules, VocabularyDecisions, load_decisions
from tagflow.errors import ConfigError

EVERYTHING = """
banned: [Click Bait, '#fyp']
merge: {tomatoes: [tomato, tomatos], soup: broth}
split: [[soup, stew]]
rename: {veg: vegetables}
describe: {soup: "  Warm and wet.  "}
added: {sourdough: Bread with a starter.}
rules:
  manual_only: sponsored
  implies: {ramen: [soup, noodles]}
  excludes: [[vegan, beef]]
  groups: {course: {tags: [starter, main], at_most: 1}, diet: {tags: [vegan]}}
  languages: {汤: zh, soup: [en, de]}
"""


def load(data: Path, text: str) -> VocabularyDecisions:
    """Write vocabulary.yaml of the dataset ``talks`` and read it."""
    (data / "talks").mkdir(exist_ok=True)
    (data / "talks" / "vocabulary.yaml").write_text(text, encoding="utf-8")
    return load_decisions(data, "talks")


def problem(data: Path, text: str) -> str:
    """Return what is said about a vocabulary.yaml, without the path it starts with."""
    with pytest.raises(ConfigError) as caught:
        load(data, text)
    said = str(caught.value)
    assert said.startswith(str(data / "talks" / "vocabulary.yaml"))
    assert "\n" not in said
    return said


def test_a_dataset_without_the_file_has_decided_nothing(tmp_path):
    assert load_decisions(tmp_path, "talks") == VocabularyDecisions()
    assert load(tmp_path, "# nothing yet\nmerge:\n") == VocabularyDecisions()


def test_everything_that_can_be_decided_is_read_and_one_tag_needs_no_list(tmp_path):
    decisions = load(tmp_path, EVERYTHING)
    assert decisions.banned == ("Click Bait", "#fyp")
    assert decisions.merge == {"tomatoes": ("tomato", "tomatos"), "soup": ("broth",)}
    assert decisions.split == (("soup", "stew"),)
    assert decisions.rename == {"veg": "vegetables"}
    assert decisions.describe == {"soup": "Warm and wet."}
    assert decisions.added == {"sourdough": "Bread with a starter."}
    assert decisions.rules == TagRules(
        manual_only=("sponsored",),
        implies={"ramen": ("soup", "noodles")},
        excludes=(("vegan", "beef"),),
        groups={"course": TagGroup(tags=("starter", "main"), at_most=1), "diet": TagGroup(tags=("vegan",))},
        languages={"汤": ("zh",), "soup": ("en", "de")},
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("baned: [x]\n", "unknown key 'baned', did you mean 'banned' (keys here: banned, merge, split, rename"),
        ("rules: {exclude: [[a, b]]}\n", "unknown key 'rules.exclude', did you mean 'excludes'"),
        ("banned: [no]\n", "banned.0: put it in quotes, or YAML does not read it as text (it says False)"),
        ("merge: {tomatoes: [1984]}\n", "merge.tomatoes.0: put it in quotes"),
        ("split: [[a, b, c]]\n", "split.0"),
        ("rules: {groups: {diet: {tags: [a], at_most: 0}}}\n", "rules.groups.diet.at_most"),
        ("rules: {languages: {soup: English}}\n", "rules.languages.soup.0"),
        ("describe: {soup: ' '}\n", "describe.soup"),
        ("added: {soup: ' '}\n", "added.soup"),
        ("added: [soup]\n", "added must hold keys and values"),
        ("merge: {a: [b]}\nmerge: {c: [d]}\n", "the key 'merge' stands twice"),
        ("merge:\n  a: [b]\n  a: [c]\n", "the key 'a' stands twice"),
    ],
)
def test_a_mistake_is_one_sentence_with_file_and_key(tmp_path, text, said):
    assert said in problem(tmp_path, text)


def test_an_impossible_dataset_name_is_refused_before_any_file_is_touched(tmp_path):
    with pytest.raises(ConfigError, match="cannot name a dataset"):
        load_decisions(tmp_path / "nowhere", "../talks")
