"""What the command line says of the versions of a dataset, and how it goes back to one."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tagflow.adapters.dataset_lease import Lease
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.versions import run_rollback, run_versions
from tagflow.errors import ArtifactError, ConfigError
from tagflow.schemas import FUSED_TAGSET, RAW_CLUES
from tagflow_tests import worlds
from tagflow_tests.pipeline.runs import make_dataset

TAGS = ("soup", "stew", "pasta", "salad")


def write_contents(store: DuckDBStore, count: int) -> None:
    rows = worlds.raw_clues(*(worlds.said(f"c{number}", title="soup") for number in range(count)))
    empty = {name: table.empty() for name, table in RAW_CLUES.tables.items()}
    store.write("toy", "raw_clues", {**empty, "raw_clues": rows})


def write_tags(store: DuckDBStore, count: int) -> None:
    empty = {name: table.empty() for name, table in FUSED_TAGSET.tables.items()}
    store.write("toy", "fused_tagset", {**empty, "fused_tagset": worlds.tag_set({tag: [] for tag in TAGS[:count]})})


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DuckDBStore]:
    """Return the store of a dataset with three versions: 2 contents; then 3 tags; then 5 contents."""
    monkeypatch.setenv("TAGFLOW_DATA", str(tmp_path))
    make_dataset(tmp_path, "toy", [])
    store = DuckDBStore(tmp_path / "warehouse")
    write_contents(store, 2)
    write_tags(store, 3)
    write_contents(store, 5)
    return store


def rows_of(store: DuckDBStore) -> tuple[int, int]:
    return len(store.read("toy", "raw_clues")), len(store.read("toy", "fused_tagset"))


def spoil(path: Path) -> None:
    """Let two words within a block change places, which DuckDB's own checksum does not see."""
    content = bytearray(path.read_bytes())
    at = 12_288 + 64
    while content[at : at + 8] == content[at + 8 : at + 16]:
        at += 8
    content[at : at + 8], content[at + 8 : at + 16] = content[at + 8 : at + 16], content[at : at + 8]
    path.write_bytes(content)


def test_the_versions_are_listed_with_time_rows_and_what_changed(store: DuckDBStore, capsys) -> None:
    run_versions("toy")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["made", "(UTC)", "contents", "tags", "assigned", "what", "changed"]
    dated = re.compile(r"(now)? *(\d+)  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d +(\S+) +(\S+) +(\S+)  (.*)")
    assert [dated.fullmatch(line).groups() for line in lines[1:]] == [
        (None, "1", "2", "-", "-", "everything"),
        (None, "2", "2", "3", "-", "fused_tagset"),
        ("now", "3", "5", "3", "-", "raw_clues"),
    ]


def test_a_rollback_publishes_an_earlier_set_whole_and_touches_no_file_of_people(
    store: DuckDBStore, tmp_path: Path, capsys
) -> None:
    folder = tmp_path / "toy"
    (folder / "vocabulary.yaml").write_text("banned: [stew]\n", encoding="utf-8")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    run_rollback("toy", 1)
    said = capsys.readouterr().out
    assert re.match(r"toy: version 1 of \S+ is current again, as version 4\n", said)
    assert "  raw_clues: 5 rows -> 2 rows\n" in said
    assert "  fused_tagset: 3 rows -> none\n" in said
    assert len(store.read("toy", "raw_clues")) == 2
    assert not store.exists("toy", "fused_tagset"), "version 1 had none: never a mix"
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    run_versions("toy")
    assert "rollback to 1" in capsys.readouterr().out
    run_rollback("toy", 3)
    assert rows_of(store) == (5, 3)


def test_without_a_number_it_is_the_last_version_before_the_current_one_that_differs(store: DuckDBStore) -> None:
    run_rollback("toy", None)
    assert rows_of(store) == (2, 3)
    run_rollback("toy", None)
    assert rows_of(store) == (5, 3), "version 3, as it was before the rollback"


def test_a_damaged_file_is_refused_by_name_and_the_rollback_passes_damaged_versions_by(
    store: DuckDBStore, capsys
) -> None:
    spoil(store.path("toy", "fused_tagset"))
    with pytest.raises(ArtifactError, match=r"fused_tagset of dataset 'toy' is damaged .*tagflow rollback toy.*fused_"):
        store.read("toy", "fused_tagset")
    assert len(store.read("toy", "raw_clues")) == 5, "the others are whole"
    with pytest.raises(ArtifactError, match=r"version 2: fused_tagset\.duckdb; version 3: fused_tagset\.duckdb"):
        run_versions("toy", check=True)
    with pytest.raises(ArtifactError, match=r"Version 2 of dataset 'toy' is damaged \(fused_tagset\.duckdb\)"):
        run_rollback("toy", 2)
    run_rollback("toy", None)
    assert "version 1 of" in capsys.readouterr().out, "the others share the damaged file"


def test_a_damaged_manifest_is_no_version_and_can_be_rolled_back(store: DuckDBStore, tmp_path: Path, capsys) -> None:
    path = tmp_path / "warehouse" / "dataset=toy" / "manifest.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"raw_clues": 5', '"raw_clues": 6'), encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"Version 3 of dataset 'toy' is damaged .*manifest\.json.*rollback toy"):
        store.read("toy", "raw_clues")
    run_versions("toy")
    assert "its manifest is damaged" in capsys.readouterr().out
    run_rollback("toy", None)
    assert rows_of(store) == (2, 3)


def test_what_cannot_be_rolled_back_says_why(store: DuckDBStore, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"Dataset 'toy' has no version 9 \(kept: 1, 2, 3\)"):
        run_rollback("toy", 9)
    with pytest.raises(ConfigError, match="There is no dataset 'tox'"):
        run_rollback("tox", None)
    make_dataset(tmp_path, "fresh", [])
    for ask in (lambda: run_rollback("fresh", None), lambda: run_versions("fresh")):
        with pytest.raises(ArtifactError, match="run tagflow run fresh"):
            ask()
    lease = Lease(store.versions("toy").folder, "toy", "run-77").acquire(0)
    with pytest.raises(ArtifactError, match=r"Dataset 'toy' is held by run run-77 \(process \d+, since "):
        run_rollback("toy", 1)
    lease.release()
    run_rollback("toy", 1)
