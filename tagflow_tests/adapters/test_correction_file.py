"""corrections.jsonl: what is written can be read, compared and edited by hand; a bad line is named."""

import json
from pathlib import Path

import polars as pl
import pytest

from tagflow.adapters.correction_file import FILE, append_corrections, read_answers, read_corrections
from tagflow.errors import ConfigError
from tagflow.knowledge.corrections import CORRECTION

ONE = '{"content_id": "a", "tag": "soup", "right": true}'


def correction(content_id: str, tag: str, right: bool, **more: str) -> dict[str, object]:
    return {**dict.fromkeys(CORRECTION.names()), "content_id": content_id, "tag": tag, "right": right, **more}


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=CORRECTION)


def refuse(folder: Path, text: str) -> str:
    (folder / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_corrections(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(str(folder / FILE))


def test_without_a_file_there_are_no_corrections(tmp_path: Path) -> None:
    assert read_corrections(tmp_path).is_empty()
    assert read_corrections(tmp_path).schema == CORRECTION


def test_what_is_appended_stands_below_what_is_there_one_short_line_each(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(ONE, encoding="utf-8")  # no line end, as some editors leave it
    append_corrections(tmp_path, frame(correction("b", "汤", False, at="2026-11-20", by="Ana")))
    assert (tmp_path / FILE).read_text(encoding="utf-8").splitlines() == [
        ONE,
        '{"content_id": "b", "tag": "汤", "right": false, "at": "2026-11-20", "by": "Ana"}',
    ]
    read = read_corrections(tmp_path)
    assert read.select("content_id", "tag", "right", "by", "line").rows() == [
        ("a", "soup", True, None, 1),
        ("b", "汤", False, "Ana", 2),
    ]
    assert [path.name for path in tmp_path.glob(".*.tmp")] == []


def test_nothing_to_append_makes_no_file(tmp_path: Path) -> None:
    append_corrections(tmp_path, frame())
    assert not (tmp_path / FILE).exists()


def test_odd_characters_come_back_as_they_were(tmp_path: Path) -> None:
    odd = 'a\u2028b "\\\n'
    append_corrections(tmp_path, frame(correction(odd, odd, True, comment=odd)))
    append_corrections(tmp_path, frame(correction("b", "soup", True)))
    read = read_corrections(tmp_path)
    assert read.select("content_id", "tag", "comment").row(0) == (odd, odd, odd)
    assert read["line"].to_list() == [1, 2]


def test_a_file_that_is_broken_is_not_made_longer(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match="line 1"):
        append_corrections(tmp_path, frame(correction("a", "soup", True)))
    assert (tmp_path / FILE).read_text(encoding="utf-8") == "{"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "is no correction: Expecting property name"),
        ("[1]", "is no correction: it must look like"),
        ('{"content_id": "a", "tag": "x", "rigth": true}', "unknown key 'rigth', did you mean 'right'"),
        ('{"content_id": "a", "tag": "x"}', "the key 'right' is missing"),
        ('{"content_id": "a", "tag": "x", "right": "yes"}', "right must be true or false (it says 'yes')"),
        ('{"content_id": 7, "tag": "x", "right": true}', "content_id must be text (it says 7)"),
        ('{"content_id": "a", "tag": " ", "right": true}', "tag must be text (it says ' ')"),
        ('{"content_id": "a", "tag": "x", "right": true, "by": 3}', "by must be text (it says 3)"),
        ('{"content_id": "a", "tag": "x", "right": true, "at": "today"}', "at must be a date such as 2026-11-20"),
        ('{"content_id": "a", "tag": "x", "right": true, "right": false}', "the key 'right' stands twice"),
    ],
)
def test_a_bad_line_is_named_with_its_number(tmp_path: Path, line: str, said: str) -> None:
    text = refuse(tmp_path, f"{ONE}\n\n{line}\n")
    assert text.startswith(", line 3")
    assert said in text


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_corrections(tmp_path)


def test_answers_are_read_from_a_spreadsheet_with_what_else_it_holds(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text("\ufeffcontent_id;clue;tag;decision\na;long;soup;yes\nb;x\nb;long;soup;\n", encoding="utf-8")
    answers, refused = read_answers(file)
    assert answers.rows() == [("a", "soup", None, "yes", None, 2), ("b", "soup", None, None, None, 4)]
    assert refused == [(3, "2 fields where the header has 4")]


def test_answers_are_read_from_json_lines_with_true_and_one(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    rows = [{"content_id": "a", "tag_id": "t1", "decision": True}, {"content_id": "b", "tag": "x", "decision": 0}]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert read_answers(file)[0].select("tag_id", "decision").rows() == [("t1", "true"), (None, "0")]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("r.csv", "content_id,tag,decison\na,x,yes\n", "has no column 'decision', did you mean 'decison'"),
        ("r.csv", "content_id,decision\na,yes\n", "has no column 'tag'"),
        ("r.txt", "content_id\n", "cannot be used: unknown kind of file '.txt'"),
    ],
)
def test_a_file_that_cannot_hold_answers_is_refused_whole(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_answers(tmp_path / name)
    assert said in str(caught.value)
