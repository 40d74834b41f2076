"""What people's files do to a dataset as a whole: twice the same, too much, too large, of any script."""

import gzip
import json
import random
import time
import tracemalloc
import unicodedata
from pathlib import Path

import polars as pl
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagflow.adapters import record_lines
from tagflow.adapters.content_reader import ContentTable, Rejected, read_contents, read_records
from tagflow.clues.conversion import convert_contents, has_text
from tagflow.confidence.ranking import check_conservation
from tagflow.graph.insertion import embed_contents
from tagflow.settings import Columns, DatasetSettings, Labels
from tagflow.tagset.normalisation import normalise_tags
from tagflow_tests.worlds import WordEncoder

MIB = 1024 * 1024
PLAIN = DatasetSettings(holdout=0)

CORPUS = [
    "<script>alert(1)</script><b>bold</b> &amp; &lt;",
    "# Title\n\n*a* | b | [c](d) ![e](f) `g`",
    r"{\rtf1\ansi {\b fat} \'e9}",
    "素晴らしい日本料理、寿司。",
    "简体中文和繁體中文",
    "한국어 문장",
    "שלום עולם",
    "مرحبا بالعالم",
    "हिन्दी में लिखा",
    "ไทยไม่มีช่องว่าง",
    "Ελληνικά, Русский, Türkçe İı",
    "family \U0001f468‍\U0001f469‍\U0001f467 of three",
    "flag \U0001f1e9\U0001f1ea and tone \U0001f44d\U0001f3fd",
    unicodedata.normalize("NFC", "café naïve Ångström"),
    unicodedata.normalize("NFD", "café naïve Ångström"),
    "ﬁne ligature, ½, ²",
    "bidi ‮override‬ end",
    "zero​width﻿ joiner‍s",
    "bell \x07 escape \x1b[31mred\x1b[0m",
    "del \x7f and c1 \x85\x9b",
    "line\r\nends\rof\nall kinds\u2028\u2029",
    "tab\tand  two  blanks ",
    "quotes \" ' “ ” „ « » 「」",
    "back\\slash \\n \\u0041 %s {x} ${y} {{z}}",
    "'; DROP TABLE raw_clues; --",
    "=1+1, +1, -2, @SUM(A1)",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 beyond the BMP 𠜎",
    "combi" + "\u0301" * 200,
    "noncharacter \ufdd0 \uffff",
    "private \ue000 \U0010fffd",
]


def read(folder: Path, files: dict[str, bytes]) -> ContentTable:
    """Write the files into a folder and read it as a dataset."""
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return read_contents(folder, Columns(), Labels(), folder / "dataset.yaml")


def lines(*records: dict[str, object]) -> bytes:
    """Return records as JSON lines."""
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def test_a_file_that_comes_three_times_makes_no_content_twice(tmp_path: Path) -> None:
    """Whatever ids repeat in a file or across files, the last record of each is the content, however often it comes."""
    record = st.tuples(st.sampled_from(["7", "007", "a", "A", "é", "e\u0301", " a"]), st.text("xyz", min_size=1))

    @settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.lists(record, min_size=1, max_size=6), min_size=1, max_size=3))
    def check(files: list[list[tuple[str, str]]]) -> None:
        folder = tmp_path / "contents"
        for old in folder.glob("*"):
            old.unlink()
        written = {f"{n}.jsonl": lines(*({"id": i, "title": t} for i, t in file)) for n, file in enumerate(files)}
        last = dict(pair for file in files for pair in file)
        once = read(folder, written)
        thrice = read(folder, {f"{name}.{n}.jsonl": data for name, data in written.items() for n in (1, 2)})
        for table in (once, thrice):
            assert table.contents["content_id"].is_unique().all()
            check_conservation(table.records, table.contents, table.quarantine)
        assert dict(once.contents.select("content_id", "title").iter_rows()) == last
        assert set(thrice.contents["content_id"]) == set(last)
        count = sum(map(len, files))
        assert (once.records, thrice.records) == (count, 3 * count)
        assert thrice.quarantine["reason"].str.starts_with("superseded by ").all()

    check()


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_an_id_is_not_taken_for_a_number_or_a_date(tmp_path: Path, kind: str) -> None:
    """What looks like a number, a date or nothing stays the text it is, in every format."""
    ids = ["7", "007", "7.0", "1180591620717411303424", "2024-01-01", "1e5", "true", "NULL", "nan", "-0", "0x1F", '"q"']
    rows = [(identity, f"text {number}") for number, identity in enumerate(ids)]
    if kind == "jsonl":
        data = lines(*({"id": identity, "title": text} for identity, text in rows))
    elif kind == "csv":
        quoted = ['"' + identity.replace('"', '""') + '"' for identity in ids]
        data = "".join(["id,title\n", *(f"{q},{text}\n" for q, (_, text) in zip(quoted, rows, strict=True))]).encode()
    else:
        table = pyarrow.table({"id": ids, "title": [text for _, text in rows]})
        pyarrow.parquet.write_table(table, tmp_path / "made")
        data = (tmp_path / "made").read_bytes()
    assert read(tmp_path / "contents", {f"a.{kind}": data}).contents.select("content_id", "title").rows() == rows


@pytest.mark.parametrize("escaped", [True, False])
def test_no_text_of_any_script_is_changed_on_its_way_in(tmp_path: Path, escaped: bool) -> None:
    """Thirty texts are stored character for character in their clues."""
    assert len(CORPUS) == 30
    data = "".join(
        json.dumps({"id": str(number), "title": text}, ensure_ascii=escaped) + "\n"
        for number, text in enumerate(CORPUS)
    )
    clues = convert_contents(read(tmp_path / "contents", {"a.jsonl": data.encode()}).contents, PLAIN)
    assert [row[0]["text"] for row in clues["clues"]] == CORPUS
    assert clues["text"].str.len_chars().max() <= PLAIN.clues.budget


def test_two_ways_to_write_an_accent_make_no_two_tags() -> None:
    """Composed, decomposed, full-width and upper case are one key; the ids of contents stay apart (see above)."""
    spellings = pl.Series(["café", "cafe\u0301", "CAFÉ", "ｃａｆé", " café "])
    assert normalise_tags(spellings).unique().to_list() == ["café"]


def test_ten_thousand_texts_of_any_characters_cost_only_themselves(tmp_path: Path) -> None:
    """NUL and lone surrogates reject their record, everything else is kept, and no exception escapes."""
    chance = random.Random(3)
    pool = ["\0", "\ud83d", "\ude00", "\x01", "\x1b", "\u202e", "\ufeff", "é", "日", "\U0001f600", '"', "\\", "\n", " "]
    texts = ["".join(chance.choices([*pool, *"abcdefghij"], k=chance.randint(0, 12))) for _ in range(10_000)]
    table = read(tmp_path / "contents", {"a.jsonl": lines(*({"id": str(n), "title": t} for n, t in enumerate(texts)))})
    pairs = [json.loads(json.dumps(text)) for text in texts]  # JSON joins the halves of a pair
    bad = {str(n) for n, text in enumerate(pairs) if "\0" in text or any("\ud800" <= c <= "\udfff" for c in text)}
    assert 1000 < len(bad) < 9000
    assert set(table.contents["content_id"]) == {str(n) for n in range(10_000)} - bad
    check_conservation(10_000, table.contents, table.quarantine)
    clues = convert_contents(table.contents, PLAIN)
    read_back = dict(table.contents.select("content_id", "title").iter_rows())
    assert all(read_back[identity] == pairs[int(identity)] for identity in read_back)
    assert len(clues) == 10_000 - len(bad)


@pytest.mark.parametrize(
    "text", ["", " ", "\t\r\n", "\u00a0\u3000", "\u200b\ufeff", "!!! ...", "😀👍🏽", "👨‍👩‍👧", "🇩🇪", "1️⃣ 2️⃣", "ℹ️", "—"]
)
def test_a_text_without_a_word_is_neither_embedded_nor_asked_about(tmp_path: Path, text: str) -> None:
    """Blank and emoji-only texts would all be neighbours of each other."""
    data = lines({"id": "none", "title": text}, {"id": "some", "title": "soup"})
    clues = convert_contents(read(tmp_path / "contents", {"a.jsonl": data}).contents, PLAIN)
    assert clues.filter(has_text())["content_id"].to_list() == ["some"]
    assert embed_contents(clues, WordEncoder({"soup": (1, 0)})).tolist() == [[0, 0, 0], [1, 0, 0]]


@pytest.mark.parametrize("text", ["7", "ℹ", "C", "1️⃣ one", "日", "٣"])
def test_a_single_letter_or_digit_is_a_text(text: str) -> None:
    """Only the emoji made of them are none."""
    assert pl.DataFrame({"text": [text]}).select(has_text()).item()


def test_a_record_of_ten_megabytes_does_not_hold_up_the_others(tmp_path: Path) -> None:
    """It is cut to the budget before anything is embedded, and the cut is on record."""
    text = "word and more " * 750_000
    data = lines({"id": "long", "title": "t", "asr": text}, {"id": "next", "title": "soup"})
    started = time.process_time()
    table = read(tmp_path / "contents", {"a.jsonl": data})
    clues = convert_contents(table.contents, PLAIN)
    assert time.process_time() - started < 8
    row = clues.row(0, named=True)
    assert len(row["text"]) <= PLAIN.clues.budget + 1
    assert [(cut["field"], cut["total"]) for cut in row["cuts"]] == [("asr", len(text.strip()))]
    assert clues["cuts"].list.len().to_list() == [1, 0]


def test_a_column_that_comes_late_is_not_lost(tmp_path: Path) -> None:
    """Text first seen in the last of many records is read, whatever columns came before it."""
    records = [{"id": str(number), "title": "t"} for number in range(5000)]
    table = read(tmp_path / "contents", {"a.jsonl": lines(*records, {"id": "last", "asr": "spoken", "extra": "x"})})
    assert table.contents.row(-1, named=True)["asr"] == "spoken"
    assert table.columns == ("id", "title", "asr", "extra")


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.csv.gz", "a.parquet.gz"])
def test_a_gzip_bomb_stops_at_its_limit(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came before is kept, the reason says what to do, and memory stays bounded."""
    from tagflow.adapters import content_reader

    monkeypatch.setattr(content_reader, "PACKED_LIMIT", 8 * MIB)
    line = {
        "a.jsonl.gz": b'{"id": "1", "title": "x"}\n',
        "a.csv.gz": b"title\nx\n",
        "a.parquet.gz": b"PAR1" + b"\0" * 99,
    }
    path = tmp_path / name
    with gzip.open(path, "wb", 6) as file:
        file.write(line[name])
        for _ in range(64):
            file.write(b" " * MIB)  # one line without end
    assert 200 * path.stat().st_size < 64 * MIB
    tracemalloc.start()
    outcomes = list(read_records(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    limit = max(8, 200 * path.stat().st_size // MIB)
    assert isinstance(outcomes[-1], Rejected)
    assert outcomes[-1].line == 0
    assert outcomes[-1].reason.startswith(f"unpacks to more than {limit} MiB: if it is meant so, unpack it yourself")
    assert len(outcomes) == (1 if "parquet" in name else 2)
    assert peak < 64 * MIB


def test_well_packed_text_is_no_bomb(tmp_path: Path) -> None:
    """Below the limit that holds for every file, any ratio is taken: ten thousand equal lines are contents."""
    data = b'{"id": "1", "title": "the same"}\n' * 10_000
    packed = gzip.compress(data)
    assert len(data) > record_lines.PACKED_RATIO * len(packed) > 0
    (tmp_path / "a.jsonl.gz").write_bytes(packed)
    assert sum(1 for _ in read_records(tmp_path / "a.jsonl.gz")) == 10_000
