"""Which dataset a run was for, also in journals that were written before that was noted."""

import sqlite3
from pathlib import Path

from tagflow.adapters.journal_file import NAME, VERSION, JournalFile
from tagflow.adapters.response_journal import ResponseJournal
from tagflow.adapters.run_register import list_runs, register_run
from tagflow.calls import Answer, Call, Sample


def test_runs_are_listed_by_dataset_the_oldest_first_and_keep_what_was_noted_first(tmp_path: Path) -> None:
    with JournalFile(tmp_path / NAME) as file:
        register_run(file, "zz", "soups", "EUR")
        register_run(file, "aa", "soups", "")
        register_run(file, "bb", "stews", "USD")
        register_run(file, "zz", "stews", "USD")
        began = list_runs(file, "soups")["began"].to_list()
        assert began == sorted(began)
        assert set(list_runs(file, "soups").select("run", "currency").rows()) == {("zz", "EUR"), ("aa", "")}
        assert list_runs(file, "stews")["run"].to_list() == ["bb"]
        assert list_runs(file, "salads").is_empty()


def test_a_journal_of_version_1_keeps_its_answers_and_takes_runs(tmp_path: Path) -> None:
    path = tmp_path / NAME
    with JournalFile(path) as file:
        ResponseJournal(file, run="old").keep(
            "k", Call("judge", "c", (), 1), Answer("answered", samples=(Sample("Yes"),))
        )
    database = sqlite3.connect(path)
    database.executescript("DROP TABLE runs; PRAGMA user_version = 1;")
    database.close()
    with JournalFile(path) as file:
        assert ResponseJournal(file).find(["k"])["k"].samples[0].text == "Yes"
        register_run(file, "new", "soups", "EUR")
        assert list_runs(file, "soups")["run"].to_list() == ["new"]
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone() == (VERSION,)
