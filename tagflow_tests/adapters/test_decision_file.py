"""vocabulary.yaml edited by a command: comments stay, what is written is read back, and every edit can be undone."""

from pathlib import Path

import pytest
from ruamel.yaml.comments import CommentedMap

from tagflow.adapters.decision_file import (
    HISTORY,
    REMEMBERED,
    add_pair,
    add_to_list,
    edit_decisions,
    open_block,
    read_decisions,
    set_entry,
    undo_decision,
)
from tagflow.errors import ConfigError

BY_HAND = """\
# ours since May
banned: [a, b] # junk

merge:
  # the plural is nicer
  tomatoes: [tomato]

split:
- [soup, "no"]
rules:
  groups:
    course: {tags: [x, y], at_most: 1}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "talks").mkdir()
    return tmp_path / "talks" / "vocabulary.yaml"


def ban(data: Path, *tags: str) -> None:
    edit_decisions(data, "talks", f"ban {' '.join(tags)}", lambda said: add_to_list(said, "banned", list(tags)))


def test_an_edit_changes_its_lines_and_no_other(tmp_path: Path, file: Path) -> None:
    file.write_text(BY_HAND)

    def change(document: CommentedMap) -> None:
        add_to_list(document, "banned", ["c", "a"])
        add_to_list(open_block(document, "merge"), "tomatoes", ["tomatos"])
        add_pair(document, "split", ("soup", "stew"))

    edit = edit_decisions(tmp_path, "talks", "many", change)
    expected = (
        BY_HAND.replace("[a, b] # junk", "[a, b, c] # junk")
        .replace("[tomato]", "[tomato, tomatos]")
        .replace('- [soup, "no"]\n', '- [soup, "no"]\n- [soup, stew]\n')
    )
    assert file.read_text() == expected
    assert (edit.before, edit.after) == (BY_HAND, expected)


PLAIN = ["C#", "C++", "中文", "é", "a b", "it's", "<<", "="]
READ_OTHERWISE = ["no", "yes", "null", "1984", "1.50", "12:30", "2026-11-20", "0x1f", " padded "]
MARKED = [
    "a: b",
    "#x",
    "a #b",
    "x, y",
    "[z]",
    "{q}",
    "- a",
    "? a",
    "*star",
    "&amp",
    "!bang",
    "%p",
    "@at",
    "`tick",
    'a "b"',
]


@pytest.mark.parametrize("tag", [*PLAIN, *READ_OTHERWISE, *MARKED, "back\\slash", "two\nlines"])
def test_every_tag_is_read_back_as_it_was_given(tmp_path: Path, file: Path, tag: str) -> None:
    def change(document: CommentedMap) -> None:
        add_to_list(document, "banned", [tag])
        add_to_list(open_block(document, "merge"), tag + " 1", ["alias"])
        set_entry(open_block(document, "describe"), tag + " 2", tag)
        add_pair(document, "split", ("other", tag + " 3"))

    edit_decisions(tmp_path, "talks", "x", change)
    said = read_decisions(tmp_path, "talks")
    assert said.banned == (tag,)
    assert said.merge == {tag + " 1": ("alias",)}
    assert said.describe == {tag + " 2": tag.strip()}
    assert said.split == (("other", tag + " 3"),)


def test_a_file_is_made_with_a_word_on_what_it_is(tmp_path: Path, file: Path) -> None:
    ban(tmp_path, "junk")
    lines = file.read_text().splitlines()
    assert lines[0].startswith("# ")
    assert lines[1:] == ["banned:", "  - junk"]


@pytest.mark.parametrize("text", ["", "# mine\n# two\n", "banned:\n", "banned: x # one\n"])
def test_a_file_that_says_little_is_taken_as_it_is(tmp_path: Path, file: Path, text: str) -> None:
    file.write_text(text)
    ban(tmp_path, "junk")
    assert read_decisions(tmp_path, "talks").banned[-1] == "junk"
    assert all(comment in file.read_text() for comment in text.split("\n") if comment.startswith("#"))
    undo_decision(tmp_path, "talks")
    assert file.read_text() == text


def test_edits_are_undone_one_by_one_back_to_no_file(tmp_path: Path, file: Path) -> None:
    ban(tmp_path, "x")
    first = file.read_text()
    ban(tmp_path, "y")
    assert undo_decision(tmp_path, "talks").command == "ban y"
    assert file.read_text() == first
    assert undo_decision(tmp_path, "talks").command == "ban x"
    assert not file.exists()
    with pytest.raises(ConfigError, match="no decision made by tagflow vocabulary is left to undo"):
        undo_decision(tmp_path, "talks")
    assert not file.with_name(HISTORY).exists()


def test_what_was_written_by_hand_is_never_undone(tmp_path: Path, file: Path) -> None:
    ban(tmp_path, "x")
    file.write_text(file.read_text() + "  - by hand\n")
    with pytest.raises(ConfigError, match="changed by hand after 'ban x'"):
        undo_decision(tmp_path, "talks")
    assert read_decisions(tmp_path, "talks").banned == ("x", "by hand")


def test_an_edit_that_changes_nothing_is_no_edit(tmp_path: Path, file: Path) -> None:
    ban(tmp_path, "x")
    before = file.read_bytes()
    ban(tmp_path, "x")
    assert file.read_bytes() == before
    undo_decision(tmp_path, "talks")
    assert not file.exists()


def test_an_edit_that_would_contradict_is_refused_and_leaves_everything(tmp_path: Path, file: Path) -> None:
    file.write_text(BY_HAND)
    with pytest.raises(ConfigError, match=r"vocabulary\.yaml: merge\.tomatoes names 'tomato', which banned forbids"):
        ban(tmp_path, "tomato")
    assert file.read_text() == BY_HAND
    assert not file.with_name(HISTORY).exists()


@pytest.mark.parametrize("text", ["baned: [x]\n", "banned: [\n", "- a\n", "merge: {a: [b]}\nmerge: {c: [d]}\n"])
def test_a_broken_file_is_not_edited(tmp_path: Path, file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"vocabulary\.yaml"):
        ban(tmp_path, "x")
    assert file.read_text() == text


def test_a_contradiction_in_the_file_is_told_when_it_is_read(tmp_path: Path, file: Path) -> None:
    file.write_text("merge: {a: [b]}\nsplit: [[a, b]]\n")
    with pytest.raises(ConfigError, match=rf"{file}: merge\.a makes 'a' and 'b' one tag, and split keeps them apart"):
        read_decisions(tmp_path, "talks")


def test_a_link_stays_a_link_and_the_mode_stays(tmp_path: Path, file: Path) -> None:
    target = tmp_path / "elsewhere.yaml"
    target.write_text("banned: [x]\n")
    target.chmod(0o640)
    file.symlink_to(target)
    ban(tmp_path, "y")
    assert file.is_symlink()
    assert "y" in target.read_text()
    assert target.stat().st_mode & 0o777 == 0o640


def test_only_the_last_edits_are_remembered(tmp_path: Path, file: Path) -> None:
    for number in range(REMEMBERED + 2):
        ban(tmp_path, f"tag{number}")
    for _ in range(REMEMBERED):
        undo_decision(tmp_path, "talks")
    assert read_decisions(tmp_path, "talks").banned == ("tag0", "tag1")
    with pytest.raises(ConfigError, match="left to undo"):
        undo_decision(tmp_path, "talks")


def test_a_damaged_history_undoes_nothing_and_stops_no_edit(tmp_path: Path, file: Path) -> None:
    ban(tmp_path, "x")
    file.with_name(HISTORY).write_text("{broken\n")
    with pytest.raises(ConfigError, match="left to undo"):
        undo_decision(tmp_path, "talks")
    ban(tmp_path, "y")
    assert undo_decision(tmp_path, "talks").command == "ban y"
