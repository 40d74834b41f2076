"""Content files as people bring them: whole, odd and damaged; every expected value is written by hand."""

import datetime
import gzip
import json
import os
import random
import tracemalloc
from pathlib import Path

import polars as pl
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagflow.adapters.content_reader import (
    ContentTable,
    Record,
    Rejected,
    list_content_files,
    read_contents,
    read_records,
)
from tagflow.errors import ConfigError
from tagflow.schemas import RAW_CLUES
from tagflow.settings import Columns, Labels

YAML = Path("data/talks/dataset.yaml")
MIB = 1024 * 1024
OBJECTS = [f'{{"id": "k{number}", "title": "title {number}"}}'.encode() for number in range(1, 1001)]


def read(folder: Path, name: str, data: bytes) -> list[Record | Rejected]:
    """Write a file and read it."""
    path = folder / name
    path.write_bytes(data)
    return list(read_records(path))


def fields(outcomes: list[Record | Rejected]) -> list[dict[str, str | list[str] | None]]:
    """Return the fields of the records."""
    return [outcome.fields for outcome in outcomes if isinstance(outcome, Record)]


def faults(outcomes: list[Record | Rejected]) -> list[tuple[int, str]]:
    """Return line and reason of the rejected."""
    return [(outcome.line, outcome.reason) for outcome in outcomes if isinstance(outcome, Rejected)]


def contents(
    folder: Path, files: dict[str, bytes], columns: Columns | None = None, labels: Labels | None = None
) -> ContentTable:
    """Write the files into the folder and read it as a dataset."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return read_contents(folder, columns or Columns(), labels or Labels(), YAML)


def test_json_line_gives_text_lists_and_nothing(tmp_path: Path) -> None:
    """Numbers keep their digits, scalars become text, nested values JSON text."""
    line = (
        '{"id": 7, "big": 1180591620717411303424, "price": 1.50, "e": 1E5, "yes": true, "no": false, "none": null, '
        '"tags": ["a", 1.0, true, null], "nested": {"k": [1.50, {"é": "\\u00e9\\n"}], "n": null, "b": true}, '
        '"rows": [["a"], 2], "empty": "", "none_of": []}\n'
    )
    assert fields(read(tmp_path, "a.jsonl", line.encode())) == [
        {
            "id": "7",
            "big": "1180591620717411303424",
            "price": "1.50",
            "e": "1E5",
            "yes": "true",
            "no": "false",
            "none": None,
            "tags": ["a", "1.0", "true"],
            "nested": '{"k": [1.50, {"é": "é\\n"}], "n": null, "b": true}',
            "rows": '[["a"], 2]',
            "empty": "",
            "none_of": [],
        }
    ]


def test_values_are_plain_text(tmp_path: Path) -> None:
    """A number is a str and no class of ours."""
    assert {type(value) for value in fields(read(tmp_path, "a.jsonl", b'{"a": 7, "b": "x"}'))[0].values()} == {str}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"id": "a", "title": "x"', "not JSON: Expecting ',' delimiter at character 25"),
        (b'{"a": "x', "not JSON: Unterminated string starting at character 7"),
        (b"{}{}", "not JSON: Extra data at character 3"),
        (b'["a"]', "expected one JSON object a line, found an array"),
        (b"7", "expected one JSON object a line, found a number"),
        (b'"a"', "expected one JSON object a line, found a string"),
        (b"true", "expected one JSON object a line, found true or false"),
        (b"null", "expected one JSON object a line, found null"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": [-Infinity]}', "-Infinity is not a JSON number"),
        (b'{"a": 1, "a": 2}', "the key 'a' stands twice in one object"),
        (b'{"a": {"b": 1, "b": 1}}', "the key 'b' stands twice in one object"),
        (b'{"a": "\\u0000"}', "NUL character"),
        (b'{"\\u0000": 1}', "NUL character"),
        (b'{"a": "x\0"}', "NUL character at byte offset 8 of line 2"),
        (b'{"a": "\\ud83d"}', "lone surrogate U+D83D"),
        (b'{"a": [{"b": ["\\ude00"]}]}', "lone surrogate U+DE00"),
        (b'{"a": "\xff"}', "invalid UTF-8 at byte offset 7 of line 2"),
        (b'{"a": "\xed\xa0\xbd"}', "invalid UTF-8 at byte offset 7 of line 2"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deep"),
    ],
)
def test_bad_json_line_costs_itself(tmp_path: Path, line: bytes, reason: str) -> None:
    """The lines around it are read, and the reason is a sentence."""
    outcomes = read(tmp_path, "a.jsonl", b'{"id": "1"}\n' + line + b'\n{"id": "3"}\n')
    assert fields(outcomes) == [{"id": "1"}, {"id": "3"}]
    assert faults(outcomes) == [(2, reason)]


def test_escaped_characters_that_are_allowed(tmp_path: Path) -> None:
    """A pair of surrogates is one character, and an escaped backslash before u0000 is no NUL."""
    line = b'{"a": "\\ud83d\\ude00", "b": "\\\\u0000", "c": "\\u202e\\u0007"}'
    assert fields(read(tmp_path, "a.jsonl", line)) == [{"a": "\U0001f600", "b": "\\u0000", "c": "\u202e\x07"}]


def test_raw_shows_bytes(tmp_path: Path) -> None:
    """Control characters and wrong bytes are escaped, and 500 characters are kept."""
    short, long = read(tmp_path, "a.jsonl", 'é\t\x1b"'.encode() + b"\xff\x00\r\n" + "é".encode() * 3000 + b"\n")
    assert isinstance(short, Rejected)
    assert isinstance(long, Rejected)
    assert short.raw == 'é\\x09\\x1b"\\xff\\x00'
    assert long.raw == "é" * 500


@pytest.mark.parametrize("seed", range(50))
def test_one_bad_json_line_in_a_thousand(tmp_path: Path, seed: int) -> None:
    """Exactly the damaged line is quarantined, under its number."""
    chance = random.Random(seed)
    bad = chance.randrange(1000)
    lines = list(OBJECTS)
    lines[bad] = lines[bad][: chance.randrange(1, len(lines[bad]))]
    table = contents(tmp_path, {"a.jsonl": b"\n".join(lines) + b"\n"})
    assert table.contents["line"].to_list() == [number for number in range(1, 1001) if number != bad + 1]
    assert table.quarantine.select("source_file", "line").rows() == [("a.jsonl", bad + 1)]
    assert table.quarantine["raw"].to_list() == [lines[bad].decode()]
    assert table.records == 1000


@pytest.mark.parametrize("seed", range(50))
def test_one_stray_quote_in_a_thousand_rows(tmp_path: Path, seed: int) -> None:
    """An opening quote costs its row and no other, wherever it stands, also among quoted cells."""
    chance = random.Random(seed)
    rows = [b'k%d,"a, ""b""",x' % number if chance.random() < 0.2 else b"k%d,a,x" % number for number in range(1000)]
    bad = chance.randrange(1000)
    rows[bad] = chance.choice([b'"k%d,a,x', b'k%d,"a,x', b'k%d,a,"x']) % bad
    table = contents(tmp_path, {"a.csv": b"id,title,other\n" + b"\n".join(rows) + b"\n"})
    assert table.contents["content_id"].to_list() == [f"k{number}" for number in range(1000) if number != bad]
    assert table.quarantine.select("source_file", "line").rows() == [("a.csv", bad + 2)]
    assert table.quarantine["raw"].to_list() == [rows[bad].decode()]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_byte_order_mark_line_ends_and_last_newline_change_nothing(tmp_path: Path, suffix: str) -> None:
    """All eight ways to save the same records give the same frames."""
    lines = {
        ".jsonl": [b'{"id": "007", "title": "caf\xc3\xa9"}', b"", b'{"id": "x"', b'{"id": "b", "title": "t"}'],
        ".csv": [b"id,title", b"007,caf\xc3\xa9", b"", b"x", b"b,t"],
    }[suffix]
    tables = []
    for mark in (b"", b"\xef\xbb\xbf"):
        for newline in (b"\n", b"\r\n"):
            for last in (b"", newline):
                tables.append(contents(tmp_path, {f"a{suffix}": mark + newline.join(lines) + last}))
    assert len(tables) == 8
    for table in tables:
        assert table.contents.equals(tables[0].contents)
        assert table.quarantine.equals(tables[0].quarantine)
    assert tables[0].contents.select("content_id", "title").rows() == [("007", "café"), ("b", "t")]
    assert tables[0].quarantine.height == 1


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.tsv", "a.jsonl.gz"])
@pytest.mark.parametrize("last", [b"", b"\r"])
def test_carriage_returns_alone_are_refused_once(tmp_path: Path, name: str, last: bytes) -> None:
    """A file of the old Mac kind gets one clear sentence."""
    data = b'{"id": "a"}\r{"id": "b"}' + last
    outcomes = read(tmp_path, name, gzip.compress(data) if name.endswith("gz") else data)
    assert faults(outcomes) == [(0, "lines end in CR alone; save the file with LF or CRLF")]
    assert len(outcomes) == 1


@pytest.mark.parametrize(
    ("written", "identity"),
    [
        ("7", "7"),
        ('"007"', "007"),
        ("1180591620717411303424", "1180591620717411303424"),
        ('"2024-01-01"', "2024-01-01"),
        ("1.50", "1.50"),
        ("-0", "-0"),
        ("1e400", "1e400"),
        ("true", "true"),
        ('" a "', " a "),
        ('"\\""', '"'),
        ('"e\u0301"', "e\u0301"),
    ],
)
def test_id_is_kept_byte_for_byte(tmp_path: Path, written: str, identity: str) -> None:
    """No id changes its type, its digits or its spelling."""
    table = contents(tmp_path, {"a.jsonl": f'{{"id": {written}, "title": "t"}}'.encode()})
    assert table.contents["content_id"].to_list() == [identity]


@pytest.mark.parametrize("record", ['{"title": "t"}', '{"id": null}', '{"id": ""}', '{"id": " \\t"}', '{"id": []}'])
def test_record_without_id_is_quarantined(tmp_path: Path, record: str) -> None:
    """One sentence, where another record shows that the dataset has ids."""
    table = contents(tmp_path, {"a.jsonl": record.encode() + b'\n{"id": "b", "title": "u"}'})
    assert table.contents["content_id"].to_list() == ["b"]
    assert table.quarantine.select("line", "content_id", "reason").rows() == [(1, None, "no id")]
    assert table.quarantine["raw"][0] == ('{"title": "t"}' if "title" in record else "{}")


def test_thousand_ids_survive(tmp_path: Path) -> None:
    """Ids of digits, leading zeros and odd characters come back equal, from JSON and from CSV."""
    chance = random.Random(1)
    ids = sorted({"".join(chance.choices("0179.-_eE+é \U0001f600", k=chance.randint(1, 12))) for _ in range(1300)})
    ids = [identity for identity in ids if identity.strip()][:1000]
    lines = "\n".join(json.dumps({"id": identity, "title": "t"}) for identity in ids)
    rows = "id,title\n" + "\n".join(f'"{identity}",t' for identity in ids)
    for name, text in (("a.jsonl", lines), ("a.csv", rows)):
        folder = tmp_path / name[2:]
        folder.mkdir()
        assert contents(folder, {name: text.encode()}).contents["content_id"].to_list() == ids
    assert len(ids) == 1000


@pytest.mark.parametrize("byte", range(256))
def test_one_wrong_byte_in_a_json_line(tmp_path: Path, byte: int) -> None:
    """Any byte in a text is either stored as it is or costs its line; the neighbours stay."""
    outcomes = read(
        tmp_path, "a.jsonl", b'{"id": "1"}\n{"id": "2", "title": "ab' + bytes([byte]) + b'zz"}\n{"id": "3"}'
    )
    kept = fields(outcomes)
    assert kept[0] == {"id": "1"}
    assert kept[-1] == {"id": "3"}
    if 0x20 <= byte < 0x80 and chr(byte) not in '"\\':
        assert kept[1:-1] == [{"id": "2", "title": f"ab{chr(byte)}zz"}]
        assert faults(outcomes) == []
    else:
        assert len(kept) == 2
        assert [line for line, _ in faults(outcomes)] == ([2, 3] if byte == 0x0A else [2])


@pytest.mark.parametrize("byte", range(256))
def test_one_wrong_byte_in_a_csv_row(tmp_path: Path, byte: int) -> None:
    """The same for CSV, where a comma makes a field more and a line end makes two rows."""
    outcomes = read(tmp_path, "a.csv", b"id,title\n1,a\n2,ab" + bytes([byte]) + b"zz\n3,c\n")
    kept = fields(outcomes)
    assert kept[0] == {"id": "1", "title": "a"}
    assert kept[-1] == {"id": "3", "title": "c"}
    if 0 < byte < 0x80 and chr(byte) not in ",\r\n":
        assert kept[1:-1] == [{"id": "2", "title": f"ab{chr(byte)}zz"}]
    elif byte == 0x0A:
        assert kept[1:-1] == [{"id": "2", "title": "ab"}]
        assert faults(outcomes) == [(4, "1 fields where the header has 2")]
    else:
        assert len(kept) == 2
        assert [line for line, _ in faults(outcomes)] == [3]


def test_csv_cells_are_text(tmp_path: Path) -> None:
    """Cells keep their characters, empty ones are nothing, quoted ones may hold line ends, and blank lines are none."""
    data = b'id,title,n\r\n007,"two\r\nlines, ""q""",1.50\r\n\r\n8,,\r\n9, 5" pipe ,x\r\n'
    assert read(tmp_path, "a.csv", data) == [
        Record("a.csv", 2, {"id": "007", "title": 'two\r\nlines, "q"', "n": "1.50"}),
        Record("a.csv", 5, {"id": "8", "title": None, "n": None}),
        Record("a.csv", 6, {"id": "9", "title": ' 5" pipe ', "n": "x"}),
    ]


@pytest.mark.parametrize(
    ("name", "data", "record"),
    [
        ("a.csv", b"id,title\n1,a;b|c", {"id": "1", "title": "a;b|c"}),
        ("a.csv", b"id;title;x\n1;a,b;", {"id": "1", "title": "a,b", "x": None}),
        ("a.csv", b"id\ttitle\n1\ta,b", {"id": "1", "title": "a,b"}),
        ("a.csv", b"id|title\n1|a,b", {"id": "1", "title": "a,b"}),
        ("a.csv", b"id,a;b\n1,2", {"id": "1", "a;b": "2"}),
        ("a.csv", b"title\na;b", {"title": "a;b"}),
        ("a.csv", b" id , title \n 1 , a ", {"id": " 1 ", "title": " a "}),
        ("a.tsv", b"id,x\ttitle,y,z\n1\t,", {"id,x": "1", "title,y,z": ","}),
        ("a.tsv", b"id\ttitle\n\t\n", {"id": None, "title": None}),
    ],
)
def test_delimiter(tmp_path: Path, name: str, data: bytes, record: dict[str, str | None]) -> None:
    """The header line of a .csv chooses it; a .tsv has tabs."""
    assert fields(read(tmp_path, name, data)) == [record]


def test_field_count_names_both_numbers(tmp_path: Path) -> None:
    """Too many and too few fields cost the row."""
    outcomes = read(tmp_path, "a.csv", b"id,title\n1,a\n2\n3,a,b\n4,b\n")
    assert [record["id"] for record in fields(outcomes)] == ["1", "4"]
    assert faults(outcomes) == [(3, "1 fields where the header has 2"), (4, "3 fields where the header has 2")]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"id,title,id", "the header cannot be used: the name 'id' stands twice"),
        (b",title", "the header cannot be used: column 1 has no name"),
        (b"id, ,title", "the header cannot be used: column 2 has no name"),
        (b"id,\xff", "the header cannot be used: invalid UTF-8 at byte offset 3 of line 1"),
        (b'id,"title', "the header cannot be used: a quote is never closed"),
        (b"id,\0", "the header cannot be used: NUL character at byte offset 3 of line 1"),
    ],
)
def test_bad_header_refuses_the_file(tmp_path: Path, header: bytes, reason: str) -> None:
    """Without names no row means anything."""
    assert read(tmp_path, "a.csv", header + b"\n1,a\n") == [
        Rejected("a.csv", 0, reason, header.decode(errors="backslashreplace").replace("\0", "\\x00"))
    ]


@pytest.mark.parametrize(("lines", "kept"), [(2, True), (1000, True), (1001, False)])
def test_quoted_cell_of_many_lines(tmp_path: Path, lines: int, kept: bool) -> None:
    """A thousand lines are one record; more are taken for a quote too many."""
    cell = "\n".join(["x"] * lines)
    outcomes = read(tmp_path, "a.csv", f'id,title\n1,"{cell}"\n2,b\n'.encode())
    assert fields(outcomes) == [{"id": "1", "title": cell}] * kept + [{"id": "2", "title": "b"}]
    assert ((2, "a quote is never closed") in faults(outcomes)) is not kept


def test_wrong_byte_in_a_quoted_cell_costs_the_whole_row(tmp_path: Path) -> None:
    """The rest of the cell is not mistaken for rows."""
    outcomes = read(tmp_path, "a.csv", b'id,title\n1,"a\n9,\xff\n8,b"\n2,c\n')
    assert fields(outcomes) == [{"id": "2", "title": "c"}]
    assert faults(outcomes) == [(2, "invalid UTF-8 at byte offset 2 of line 3")]


def test_large_cell_is_read(tmp_path: Path) -> None:
    """The limit is ours, not the 128 KiB of the csv module."""
    outcomes = read(tmp_path, "a.csv", b"id,title\n1," + b"x" * MIB + b"\n")
    assert fields(outcomes) == [{"id": "1", "title": "x" * MIB}]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_line_of_twenty_mebibytes(tmp_path: Path, name: str, packed: bool) -> None:
    """It is skipped in bounded memory, and what follows is read."""
    head, bad, good = {
        "a.jsonl": (b"", b'{"id": "1", "title": "%s"}\n', b'{"id": "2"}\n'),
        "a.csv": (b"id\n", b"%s\n", b"2\n"),
    }[name]
    data = head + bad % (b"x" * (20 * MIB)) + good
    path = tmp_path / name
    path.write_bytes(gzip.compress(data, 1) if packed else data)
    del data
    tracemalloc.start()
    outcomes = list(read_records(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert fields(outcomes) == [{"id": "2"}]
    assert faults(outcomes) == [(1 + bool(head), "longer than 16 MiB")]
    assert peak < 60 * MIB


def test_longest_record(tmp_path: Path) -> None:
    """Exactly 16 MiB are read, one byte more is not."""
    frame = len(b'{"title": ""}')
    data = b"".join(b'{"title": "%s"}\r\n' % (b"x" * (16 * MIB - frame + more)) for more in (0, 1))
    outcomes = read(tmp_path, "a.jsonl", data)
    assert [len(str(record["title"])) for record in fields(outcomes)] == [16 * MIB - frame]
    assert faults(outcomes) == [(2, "longer than 16 MiB")]


@pytest.mark.parametrize("start", [b"[", b"\n \n  [", b"\xef\xbb\xbf["])
def test_json_array_is_refused_once(tmp_path: Path, start: bytes) -> None:
    """Also one that spans lines."""
    outcomes = read(tmp_path, "a.json", start + b'{"id": "a"},\n{"id": "b"}]\n')
    assert faults(outcomes) == [(0, "expected one JSON object a line, found an array")]
    assert len(outcomes) == 1


def test_json_array_on_one_long_line_is_refused_as_such(tmp_path: Path) -> None:
    """The clear reason wins over the length."""
    outcomes = read(tmp_path, "a.json", b"[" + b" " * (17 * MIB) + b"]")
    assert faults(outcomes) == [(0, "expected one JSON object a line, found an array")]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.jsonl", '{"id": "a"}\n'.encode("utf-16"), "UTF-16 text; save it as UTF-8"),
        ("a.csv", b"\xfe\xff\0i\0d", "UTF-16 text; save it as UTF-8"),
        ("a.csv", "id\n1\n".encode("utf-32"), "UTF-32 text; save it as UTF-8"),
        ("a.xlsx", b"PK\x03\x04...", "a zip archive or xlsx workbook; save its contents as CSV or JSON Lines"),
        ("a.csv", b"PK\x03\x04...", "a zip archive or xlsx workbook; save its contents as CSV or JSON Lines"),
        ("a.jsonl.gz", gzip.compress(gzip.compress(b"{}")), "gzip inside gzip; unpack it once"),
        ("a.parquet", b'{"id": "a"}', "not a Parquet file: it does not start with PAR1"),
        (
            "a.txt",
            b'{"id": "a"}',
            "unknown kind of file '.txt'; use .jsonl, .ndjson, .json, .csv, .tsv or .parquet, each also with .gz",
        ),
        (
            "README",
            b"",
            "unknown kind of file ''; use .jsonl, .ndjson, .json, .csv, .tsv or .parquet, each also with .gz",
        ),
    ],
)
def test_other_files_are_refused_once(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    """The first bytes decide before the suffix, and the reason says what to do."""
    assert faults(read(tmp_path, name, data)) == [(0, reason)]


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl", "a.ndjson", "A.JSON.GZ"])
def test_gzip_is_known_by_its_bytes(tmp_path: Path, name: str) -> None:
    """With or without the suffix; several gzip members are one stream."""
    data = gzip.compress(b'{"id": "a"}\n') + gzip.compress(b'{"id": "b"}')
    assert fields(read(tmp_path, name, data)) == [{"id": "a"}, {"id": "b"}]


def test_gz_suffix_on_plain_text(tmp_path: Path) -> None:
    """The suffix alone makes no gzip."""
    assert fields(read(tmp_path, "a.jsonl.gz", b'{"id": "a"}\n')) == [{"id": "a"}]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv.gz"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.35, 0.5, 0.75, 0.99, 1.0])
def test_truncated_gzip_keeps_what_came_before(tmp_path: Path, name: str, share: float) -> None:
    """Whole lines are kept, the cut one is not, and one sentence says where it ends."""
    chance = random.Random(7)
    titles = ["".join(chance.choices("abcdefghij ", k=200)) for _ in range(2000)]
    lines = [f'{{"id": "{number}", "title": "{title}"}}' for number, title in enumerate(titles)]
    if "csv" in name:
        lines = ["id,title", *(f"{number},{title}" for number, title in enumerate(titles))]
    whole = gzip.compress("\n".join(lines).encode() + b"\n")
    outcomes = read(tmp_path, name, whole[: 2 + int(share * (len(whole) - 3))])
    kept = fields(outcomes)
    assert kept == [{"id": str(number), "title": title} for number, title in enumerate(titles[: len(kept)])]
    read_lines = len(kept) + ("csv" in name and len(kept) > 0)
    assert faults(outcomes) == [(0, f"gzip stream ends early after line {read_lines}")]
    assert isinstance(outcomes[-1], Rejected)
    assert abs(len(kept) - share * 2000) < 250
    if share == 1.0:
        assert len(kept) == 2000


def test_damaged_gzip_is_told(tmp_path: Path) -> None:
    """A stream whose checksum is wrong keeps its lines and says so."""
    packed = bytearray(gzip.compress(b'{"id": "a"}\n{"id": "b"}\n'))
    packed[-8] ^= 1
    outcomes = read(tmp_path, "a.jsonl", bytes(packed))
    assert fields(outcomes) == [{"id": "a"}, {"id": "b"}]
    assert [reason.split(":")[0] for _, reason in faults(outcomes)] == ["gzip stream is damaged after line 2"]


def write_parquet(path: Path, columns: dict[str, pyarrow.Array]) -> bytes:
    """Write a Parquet file and return its bytes."""
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path.read_bytes()


PARQUET_COLUMNS = {
    "id": pyarrow.array([7, 2**63 - 1, None]),
    "title": pyarrow.array(["é", "", None]),
    "score": pyarrow.array([1.5, 1e300, float("nan")]),
    "tags": pyarrow.array([["a", None, "b"], [], None]),
    "nested": pyarrow.array([{"k": [1.5, 2.0], "t": "é"}, None, {"k": None, "t": '"'}]),
    "day": pyarrow.array([datetime.date(2024, 1, 2), None, None]),
    "time": pyarrow.array([datetime.datetime(2024, 1, 2, 3, 4, 5), None, None]),
    "exact": pyarrow.array([1_000, 1_001, None], pyarrow.timestamp("ns")),
    "yes": pyarrow.array([True, False, None]),
}
PARQUET_FIELDS = [
    {
        "id": "7",
        "title": "é",
        "score": "1.5",
        "tags": ["a", "b"],
        "nested": '{"k": [1.5, 2.0], "t": "é"}',
        "day": "2024-01-02",
        "time": "2024-01-02T03:04:05",
        "exact": "1970-01-01T00:00:00.000001",
        "yes": "true",
    },
    {
        "id": "9223372036854775807",
        "title": "",
        "score": "1e+300",
        "tags": [],
        "nested": None,
        "day": None,
        "time": None,
        "exact": "1970-01-01 00:00:00.000001001",
        "yes": "false",
    },
    {
        "id": None,
        "title": None,
        "score": None,
        "tags": None,
        "nested": '{"k": null, "t": "\\""}',
        "day": None,
        "time": None,
        "exact": None,
        "yes": None,
    },
]


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl", "a.parquet.gz"])
def test_parquet_values_become_text(tmp_path: Path, name: str) -> None:
    """The same forms as from JSON, whatever the suffix says, also inside gzip."""
    data = write_parquet(tmp_path / "plain", PARQUET_COLUMNS)
    outcomes = read(tmp_path, name, gzip.compress(data) if name.endswith("gz") else data)
    assert fields(outcomes) == PARQUET_FIELDS
    assert [outcome.line for outcome in outcomes] == [1, 2, 3]


def test_parquet_row_that_is_no_text_costs_itself(tmp_path: Path) -> None:
    """Bytes, a NUL and wrong UTF-8 reject their rows; row numbers go on over batches."""
    wrong = pyarrow.Array.from_buffers(
        pyarrow.string(), 1, [None, pyarrow.py_buffer(b"\0\0\0\0\2\0\0\0"), pyarrow.py_buffer(b"a\xff")]
    )
    titles = pyarrow.chunked_array([pyarrow.array(["t"] * 298 + ["a\0"]), wrong])
    data = write_parquet(
        tmp_path / "plain",
        {"id": pyarrow.array(range(300)), "title": titles, "raw": pyarrow.array([None] * 4 + [b"\0"] + [None] * 295)},
    )
    outcomes = read(tmp_path, "a.parquet", data)
    assert [line for line, _ in faults(outcomes)] == [5, 299, 300]
    assert [reason for _, reason in faults(outcomes)][:2] == ["bytes where text is expected", "NUL character"]
    assert "utf-8" in faults(outcomes)[2][1]
    assert len(fields(outcomes)) == 297


@pytest.mark.parametrize("cut", [4, 100, -1])
@pytest.mark.parametrize("packed", [False, True])
def test_damaged_parquet_is_refused_once(tmp_path: Path, cut: int, packed: bool) -> None:
    """A cut file is one rejection, and so is a cut gzip around it."""
    data = write_parquet(tmp_path / "plain", PARQUET_COLUMNS)
    outcomes = read(tmp_path, "a.parquet", gzip.compress(data[:cut]) if packed else data[:cut])
    assert [outcome.line for outcome in outcomes] == [0]
    assert fields(outcomes) == []
    cut_outside = read(tmp_path, "b.parquet", gzip.compress(data)[:-20])
    assert [reason.split(":")[0] for _, reason in faults(cut_outside)] == ["gzip stream is damaged"]


@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_any_text_survives_or_is_rejected(tmp_path: Path, ensure_ascii: bool) -> None:
    """500 texts each way: stored as they are, or rejected for a NUL or a surrogate; no exception."""
    path = tmp_path / "a.jsonl"

    @settings(max_examples=500, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(st.dictionaries(st.text(st.characters(), max_size=5), st.text(st.characters(), max_size=20), max_size=3))
    def check(given_fields: dict[str, str]) -> None:
        line = json.dumps(given_fields, ensure_ascii=ensure_ascii)
        path.write_bytes(line.encode(errors="surrogatepass") + b'\n{"id": "b"}\n')
        texts = "".join([*given_fields, *given_fields.values()])
        first, second = list(read_records(path))
        if "\0" in texts or any("\ud800" <= character <= "\udfff" for character in texts):
            assert isinstance(first, Rejected)
        else:
            assert first == Record("a.jsonl", 1, dict(given_fields))
        assert second == Record("a.jsonl", 2, {"id": "b"})

    check()


def test_csv_text_survives(tmp_path: Path) -> None:
    """500 quoted cells come back as they were."""
    path = tmp_path / "a.csv"
    text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)

    @settings(max_examples=500, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(text, text)
    def check(title: str, caption: str) -> None:
        cells = ",".join('"' + cell.replace('"', '""') + '"' for cell in (title, caption))
        path.write_bytes(f"title,caption\r\n{cells}\r\n".encode())
        assert list(read_records(path)) == [Record("a.csv", 2, {"title": title, "caption": caption})]

    check()


def test_fifo_is_refused_without_waiting(tmp_path: Path) -> None:
    """Nobody ever writes into it."""
    os.mkfifo(tmp_path / "a.jsonl")
    assert list(read_records(tmp_path / "a.jsonl")) == [Rejected("a.jsonl", 0, "not a regular file", "")]


def test_folder_missing_file_and_loop_are_refused(tmp_path: Path) -> None:
    """Each is one rejection with the system's reason."""
    (tmp_path / "d.jsonl").mkdir()
    (tmp_path / "loop.jsonl").symlink_to("loop.jsonl")
    assert faults(list(read_records(tmp_path / "d.jsonl"))) == [(0, "not a regular file")]
    assert faults(list(read_records(tmp_path / "no.jsonl"))) == [(0, "cannot be read: No such file or directory")]
    assert faults(list(read_records(tmp_path / "loop.jsonl"))) == [
        (0, "cannot be read: Too many levels of symbolic links")
    ]


def test_symbolic_link_stays_in_the_folder(tmp_path: Path) -> None:
    """A link out of the folder is refused, one inside it is read, both under the link's name."""
    folder = tmp_path / "contents"
    folder.mkdir()
    (tmp_path / "secret.jsonl").write_text('{"id": "secret"}')
    (folder / "a.jsonl").write_text('{"id": "a"}')
    (folder / "inside.jsonl").symlink_to("a.jsonl")
    (folder / "outside.jsonl").symlink_to(tmp_path / "secret.jsonl")
    assert list(read_records(folder / "inside.jsonl")) == [Record("inside.jsonl", 1, {"id": "a"})]
    assert faults(list(read_records(folder / "outside.jsonl"))) == [
        (0, "a symbolic link that leads out of the contents folder")
    ]


def test_content_files_by_name(tmp_path: Path) -> None:
    """Folders, FIFOs, hidden and unfinished files are no contents; links are listed, so that they can be refused."""
    for name in ("b.csv", "a.jsonl", ".hidden.jsonl", "c.jsonl.tmp", "d.csv.PART", "Z.csv"):
        (tmp_path / name).touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x.jsonl").touch()
    (tmp_path / "link.csv").symlink_to("nowhere")
    (tmp_path / "linked-folder").symlink_to("sub")
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert [path.name for path in list_content_files(tmp_path)] == ["Z.csv", "a.jsonl", "b.csv", "link.csv"]
    assert list_content_files(tmp_path / "none") == []


def test_name_that_is_no_text(tmp_path: Path) -> None:
    """A file name of wrong bytes is shown escaped and read."""
    path = tmp_path / os.fsdecode(b"a\xff.jsonl")
    path.write_bytes(b'{"id": "a", "title": "t"}')
    table = read_contents(tmp_path, Columns(), Labels(), YAML)
    assert table.contents["source_file"].to_list() == ["a\\xff.jsonl"]


def test_contents_frame(tmp_path: Path) -> None:
    """Mapped columns, joined lists and split tags, over files of several formats."""
    table = contents(
        tmp_path,
        {
            "1.csv": b"key,body,tags\n1,first,a; b ;;a\n2,,\n",
            "2.jsonl": b'{"key": 3, "body": ["x", "y"], "tags": [" c;d ", "", "c;d", "e"], "split": "test", "n": 1}',
            "3.txt": b"x",
        },
        Columns(id="key", caption="body"),
        Labels(delimiter=";"),
    )
    expected = pl.DataFrame(
        {
            "content_id": ["1", "2", "3"],
            "title": [None, None, None],
            "caption": ["first", None, "x, y"],
            "category": [None, None, None],
            "ocr": [None, None, None],
            "asr": [None, None, None],
            "labels": [["a", "b"], [], ["c;d", "e"]],
            "split": [None, None, "test"],
            "source_file": ["1.csv", "1.csv", "2.jsonl"],
            "line": [2, 3, 1],
        },
        schema={
            "content_id": pl.String,
            "title": pl.String,
            "caption": pl.String,
            "category": pl.String,
            "ocr": pl.String,
            "asr": pl.String,
            "labels": pl.List(pl.String),
            "split": pl.String,
            "source_file": pl.String,
            "line": pl.Int64,
        },
    )
    assert table.contents.equals(expected)
    assert table.contents.schema == expected.schema
    assert table.columns == ("key", "body", "tags", "split", "n")
    assert table.records == 4
    declared = RAW_CLUES.tables["quarantine"].columns
    assert dict(table.quarantine.schema) == {name: column.dtype for name, column in declared.items()}
    assert table.quarantine.select("source_file", "line").rows() == [("3.txt", 0)]


def test_quarantine_is_declared_also_when_empty(tmp_path: Path) -> None:
    """Nothing wrong is a frame of no rows with the same columns."""
    table = contents(tmp_path, {"a.jsonl": b'{"id": "a", "title": "t"}'}, labels=Labels(delimiter=""))
    declared = RAW_CLUES.tables["quarantine"].columns
    assert dict(table.quarantine.schema) == {name: column.dtype for name, column in declared.items()}
    assert (table.quarantine.height, table.records) == (0, 1)


def test_last_record_of_an_id_wins(tmp_path: Path) -> None:
    """In a file and across files; every earlier one names the winner."""
    table = contents(
        tmp_path,
        {
            "a.jsonl": b'{"id": "x", "title": "1"}\n{"id": "y", "title": "2"}\n{"id": "x", "title": "3", "tags": "t"}',
            "b.csv": b"id,title\nx,4\n",
        },
    )
    assert table.contents.select("content_id", "title").rows() == [("y", "2"), ("x", "4")]
    assert table.quarantine.rows() == [
        ("a.jsonl", 1, "x", "superseded by b.csv line 2", '{"content_id": "x", "title": "1"}'),
        ("a.jsonl", 3, "x", "superseded by b.csv line 2", '{"content_id": "x", "title": "3", "labels": ["t"]}'),
    ]
    assert table.records == 4


def test_ids_are_made_where_the_dataset_has_none(tmp_path: Path) -> None:
    """They depend on the text fields alone, tell fields apart, and equal texts are one content."""
    files = {"a.jsonl": b'{"title": "t", "n": 1}\n{"caption": "t"}\n{"title": "t", "n": 2}\n{"title": "u"}\n'}
    table = contents(tmp_path, files)
    ids = table.contents["content_id"].to_list()
    assert table.contents["line"].to_list() == [2, 3, 4]
    assert len(set(ids)) == 3
    assert all(len(identity) == 18 and identity.startswith("h-") and int(identity[2:], 16) >= 0 for identity in ids)
    assert table.quarantine.select("line", "reason").rows() == [(1, "superseded by a.jsonl line 3")]
    assert contents(tmp_path, files).contents.equals(table.contents)


def test_mapped_id_column_makes_no_ids(tmp_path: Path) -> None:
    """A named id column that does not exist is a mistake, not a dataset without ids."""
    with pytest.raises(ConfigError) as caught:
        contents(tmp_path, {"a.csv": b"key,title\n1,a\n"}, Columns(id="kye"))
    assert str(caught.value) == (
        "data/talks/dataset.yaml: columns.id names the column 'kye', which no record has, did you mean 'key' "
        "(columns found: key, title)."
    )


def test_mapped_column_may_be_missing_in_some_files(tmp_path: Path) -> None:
    """One record that has it is enough."""
    files = {"a.jsonl": b'{"id": 1, "title": "a"}', "b.jsonl": b'{"id": 2, "speech": "b"}'}
    assert contents(tmp_path, files, Columns(asr="speech")).contents["asr"].to_list() == [None, "b"]


def test_no_text_column_says_how_to_map_one(tmp_path: Path) -> None:
    """The columns found are listed, many of them cut."""
    with pytest.raises(ConfigError) as caught:
        contents(tmp_path, {"a.csv": b"id,body,tags\n1,a,b\n"})
    assert str(caught.value) == (
        "No record has a text column (title, caption, category, ocr, asr); columns found: id, body, tags; name the one "
        "that holds text in data/talks/dataset.yaml, for example as columns: {caption: body}."
    )
    with pytest.raises(ConfigError, match=r"c29 and 19970 more; name"):
        contents(
            tmp_path, {"a.csv": ",".join(f"c{number}" for number in range(20_000)).encode() + b"\n" + b"," * 19_999}
        )


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "There are no content files in {folder}; put JSON Lines, CSV, TSV or Parquet files there."),
        (
            {"a.jsonl": b"", "b.csv": b"id,title\n", "c.jsonl": b"\n \r\n"},
            "There are no records in {folder}.",
        ),
        (
            {"a.jsonl": b'\n{"id"\n7\n'},
            "No record in {folder} can be used; the first problem is in a.jsonl, line 2: "
            "not JSON: Expecting ':' delimiter at character 6.",
        ),
        (
            {"a.json": b'[{"id": 1}]'},
            "No record in {folder} can be used; the first problem is in a.json: "
            "expected one JSON object a line, found an array.",
        ),
        (
            {"a.csv": b"id,title\n ,t\n"},
            "No record in {folder} can be used; the first problem is in a.csv, line 2: no id.",
        ),
    ],
)
def test_nothing_to_read_is_one_sentence(tmp_path: Path, files: dict[str, bytes], sentence: str) -> None:
    """A dataset is never replaced by nothing."""
    with pytest.raises(ConfigError) as caught:
        contents(tmp_path, files)
    assert str(caught.value) == sentence.format(folder=tmp_path)


def test_record_of_many_fields(tmp_path: Path) -> None:
    """Twenty thousand fields make no twenty thousand columns."""
    record = {"id": "a", "title": "t", **{f"f{number}": number for number in range(20_000)}}
    table = contents(tmp_path, {"a.jsonl": json.dumps(record).encode()})
    assert table.contents.width == 10
    assert len(table.columns) == 20_002
