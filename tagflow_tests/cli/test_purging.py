"""After a purge, nothing of what was purged stands anywhere in the data folder."""

import json
from pathlib import Path

import pytest

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.adapters.journal_file import NAME, JournalFile
from tagflow.adapters.response_journal import ResponseJournal
from tagflow.calls import Answer, Call, Sample
from tagflow.cli.purging import run_purge
from tagflow.cli.runs import run_dataset
from tagflow.errors import ConfigError
from tagflow_tests.pipeline.runs import make_dataset, read_recipes

CANARY = "zyxwquokka"


def find_traces(data: Path, word: str) -> list[str]:
    """Return the files with the word in their name or content, links left out."""
    files = [path for path in data.rglob("*") if path.is_file() and not path.is_symlink()]
    return sorted(
        str(path.relative_to(data)) for path in files if word.encode() in path.read_bytes() + path.name.encode()
    )


def ask(data: Path, record: str, answer: str) -> None:
    """Keep an answer as a language model's for the record."""
    call = Call(task="propose", record=record, messages=(), max_tokens=9, version="1", fields=())
    with JournalFile(data / "warehouse" / NAME) as file:
        said = Answer("answered", samples=(Sample(answer, None),), model="m", prompt_tokens=1, completion_tokens=1)
        ResponseJournal(file, run="r", stage="s").keep(f"key of {record}", call, said)


def test_after_a_purge_nothing_of_the_content_stands_anywhere(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("TAGFLOW_DATA", str(tmp_path))
    record = {
        "id": f"{CANARY}-1",
        "title": f"{CANARY} soup",
        "caption": f"A soup of {CANARY}.",
        "tags": f"soup,{CANARY}",
    }
    folder = make_dataset(tmp_path, "few", [*read_recipes(12), record], vocabulary={"min_contents": 1}, holdout=0)
    run_dataset("few")
    ask(tmp_path, f"{CANARY}-1", CANARY)
    ask(tmp_path, "rv-001", "soup")
    assert len(find_traces(tmp_path, CANARY)) > 5
    with pytest.raises(ConfigError, match=rf"still has '{CANARY}-1' in contents\.jsonl"):
        run_purge("few", [f"{CANARY}-1"])
    lines = "".join(json.dumps(one) + "\n" for one in read_recipes(12))
    (folder / "contents" / "contents.jsonl").write_text(lines, encoding="utf-8")
    run_purge("few", [f"{CANARY}-1"])
    assert find_traces(tmp_path, CANARY) == []
    assert "1 content purged; 1 answer of the journal" in capsys.readouterr().out
    store = DuckDBStore(tmp_path / "warehouse")
    assert len(store.read("few", "raw_clues")) == 12
    assert len(store.versions("few").list_numbers()) == 1
    with JournalFile(tmp_path / "warehouse" / NAME) as file:
        assert ResponseJournal(file).list_records() == ["rv-001"]
    run_purge("few", [])
    assert not store.exists("few", "raw_clues")
    warehouse = {path.name for path in (tmp_path / "warehouse").rglob("*.duckdb")}
    assert warehouse == set()
    with JournalFile(tmp_path / "warehouse" / NAME) as file:
        assert ResponseJournal(file).list_records() == []
    assert (folder / "contents" / "contents.jsonl").is_file(), "files of people stay"
