"""What was paid for is found again, after a kill too; what is damaged says so; what is forgotten is nowhere."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tagflow.adapters import journal_file
from tagflow.adapters.egress_manifest import EgressManifest
from tagflow.adapters.journal_file import NAME, VERSION, JournalFile
from tagflow.adapters.money import Budget, Price
from tagflow.adapters.response_journal import ResponseJournal
from tagflow.adapters.spending import SpendingMeter
from tagflow.calls import OUTCOMES, Answer, Call, Sample
from tagflow.errors import ArtifactError

SOUP = Call("judge", "soup", (("user", "Is it a soup?"),), 1)
YES = Answer("answered", samples=(Sample("Yes", (("Yes", -0.1), ("No", -2.5))),), model="small", prompt_tokens=7)

WRITER = """
import os, sys, threading
from pathlib import Path
from tagflow.adapters.journal_file import JournalFile
from tagflow.adapters.response_journal import ResponseJournal
from tagflow.calls import Answer, Call, Sample

path, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
journal = ResponseJournal(JournalFile(path), run=name)

def write(worker):
    for number in range(count):
        key = f"{name}-{worker}-{number}"
        journal.keep(key, Call("judge", key, (), 1), Answer("answered", samples=(Sample("of " + key),)))
        os.write(1, (key + "\\n").encode())

workers = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
"""


def start(path: Path, name: str, count: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITER, str(path), name, str(count)], stdout=subprocess.PIPE)


def copy(path: Path, to: Path, *endings: str) -> Path:
    to.mkdir()
    for ending in endings:
        shutil.copy(f"{path}{ending}", to)
    return to / path.name


def fill(path: Path, count: int = 40) -> None:
    with JournalFile(path) as file:
        journal = ResponseJournal(file)
        for number in range(count):
            journal.keep(f"key {number}", SOUP, replace(YES, samples=(Sample("a long answer " * 20),)))


def test_an_answer_comes_back_as_it_was_and_is_marked_as_stored(tmp_path: Path) -> None:
    odd = Answer(
        "answered",
        samples=(Sample('{"tags": ["汤", "\ud83d"]}'), Sample("", (("是", float("-inf")), (" Yes", -1e-9)))),
        model="org/model@1",
        prompt_tokens=120,
        completion_tokens=9,
        money=0.1 + 0.2,
        requests=3,
    )
    with JournalFile(tmp_path / "new" / "folder" / NAME) as file:
        ResponseJournal(file).keep("odd", SOUP, odd)
    with JournalFile(tmp_path / "new" / "folder" / NAME) as file:
        assert ResponseJournal(file).find(["other", "odd"]) == {"odd": replace(odd, stored=True)}


@pytest.mark.parametrize("outcome", [outcome for outcome in OUTCOMES if outcome != "answered"])
def test_a_failure_is_never_kept(tmp_path: Path, outcome: str) -> None:
    with JournalFile(tmp_path / NAME) as file:
        journal = ResponseJournal(file)
        with pytest.raises(ValueError, match=outcome):
            journal.keep("key", SOUP, Answer(outcome, samples=(Sample("half"),)))
        assert journal.find(["key"]) == {}


def test_the_first_answer_to_a_question_stays(tmp_path: Path) -> None:
    with JournalFile(tmp_path / NAME) as file:
        journal = ResponseJournal(file)
        journal.keep("key", SOUP, YES)
        journal.keep("key", SOUP, replace(YES, samples=(Sample("No"),)))
        assert journal.find(["key"])["key"].samples == YES.samples
    JournalFile(tmp_path / NAME).close()  # and the count of answers is right


def test_many_keys_are_looked_up_at_once(tmp_path: Path) -> None:
    with JournalFile(tmp_path / NAME) as file:
        journal = ResponseJournal(file)
        for number in range(0, 300, 3):
            journal.keep(f"key {number}", SOUP, YES)
        found = journal.find([f"key {number}" for number in range(12_000)])
        assert set(found) == {f"key {number}" for number in range(0, 300, 3)}
        assert journal.find([]) == {}


def test_every_acknowledged_answer_is_there_after_a_kill_at_any_moment(tmp_path: Path) -> None:
    path, chance, acknowledged = tmp_path / NAME, random.Random(5), set()
    for kill in range(8):
        process = start(path, f"run{kill}", 1_000_000)
        assert process.stdout is not None
        said = b"".join(process.stdout.readline() for _ in range(chance.randint(1, 300)))
        os.kill(process.pid, signal.SIGKILL)
        said += process.stdout.read()
        process.wait()
        acknowledged |= {line.decode() for line in said.splitlines(keepends=True) if line.endswith(b"\n")}
    acknowledged = {line.strip() for line in acknowledged}
    assert len(acknowledged) >= 8
    with JournalFile(path) as file:
        found = ResponseJournal(file).find(sorted(acknowledged))
    assert {key: answer.samples[0].text for key, answer in found.items()} == {key: f"of {key}" for key in acknowledged}


def test_eight_threads_keep_and_find_at_once(tmp_path: Path) -> None:
    with JournalFile(tmp_path / NAME) as file:
        journal = ResponseJournal(file, run="r", stage="s")

        def work(worker: int) -> int:
            for number in range(50):
                journal.keep(f"{worker} {number}", SOUP, YES)
                assert f"{worker} {number}" in journal.find([f"{worker} {number}", "other"])
            return worker

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(work, range(8))) == list(range(8))
        assert len(journal.find([f"{worker} {number}" for worker in range(8) for number in range(50)])) == 400
        assert journal.costs("r")["calls"].to_list() == [400]


def test_two_processes_write_one_file(tmp_path: Path) -> None:
    processes = [start(tmp_path / NAME, name, 50) for name in ("one", "two")]
    said = [process.communicate()[0].decode().split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    with JournalFile(tmp_path / NAME) as file:
        journal = ResponseJournal(file)
        assert set(journal.find(said[0] + said[1])) == {
            f"{name}-{worker}-{number}" for name in ("one", "two") for worker in range(4) for number in range(50)
        }
        assert journal.costs().select("run", "calls").rows() == [("one", 200), ("two", 200)]


def test_costs_are_by_run_stage_and_task(tmp_path: Path) -> None:
    with JournalFile(tmp_path / NAME) as file:
        price = Price(150_000, 600_000, "EUR")  # 0.15 and 0.60 for a million
        journal = ResponseJournal(file, run="one", stage="tagged_output")
        meter = SpendingMeter(file, Budget(), price, run="one", stage="tagged_output")
        for used in ((1000, 100), (0, 0)):  # the second request failed before it was read
            reservation = meter.reserve("judge", 2000, 500)
            assert reservation is not None
            meter.settle(reservation, *used)
        journal.keep("a", SOUP, YES)
        journal.use([("a", replace(SOUP, record="bisque")), ("a", SOUP)])
        other = ResponseJournal(file, run="two", stage="candidate_tags")
        other.keep("b", replace(SOUP, task="propose"), YES)
        first = ("one", "tagged_output", "judge", 2, 1, 2, 1000, 100, 0.00021)
        assert journal.costs("one").rows() == [first]
        assert journal.costs().rows() == [first, ("two", "candidate_tags", "propose", 0, 1, 0, 0, 0, 0.0)]
        assert journal.costs("none").is_empty()


def test_a_discarded_answer_is_gone_and_its_cost_stays(tmp_path: Path) -> None:
    with JournalFile(tmp_path / NAME) as file:
        journal = ResponseJournal(file, run="r", stage="s")
        for key in ("useless", "sound"):
            journal.keep(key, replace(SOUP, record=key), YES)
        journal.discard(["useless", "unknown"])
        assert set(journal.find(["useless", "sound"])) == {"sound"}
        assert journal.list_records() == ["sound"]
        assert journal.costs("r")["calls"].to_list() == [2]
        journal.keep("useless", SOUP, YES)
        assert set(journal.find(["useless", "sound"])) == {"useless", "sound"}
    JournalFile(tmp_path / NAME).close()  # its count of answers still holds


def test_forgetting_a_record_leaves_the_answer_that_another_one_shares(tmp_path: Path) -> None:
    with JournalFile(tmp_path / NAME) as file:
        journal = ResponseJournal(file, run="r")
        journal.keep("shared", SOUP, YES)
        journal.use([("shared", replace(SOUP, record="bisque"))])
        assert journal.list_records() == ["bisque", "soup"]
        assert journal.forget(["soup", "unknown"]) == 0
        assert set(journal.find(["shared"])) == {"shared"}
        assert journal.list_records() == ["bisque"]
        assert journal.forget(["bisque"]) == 1
        assert journal.find(["shared"]) == {}
        assert journal.costs().select("calls", "stored").rows() == [(1, 1)]
    JournalFile(tmp_path / NAME).close()


def test_a_forgotten_record_stands_in_no_byte_of_any_file(tmp_path: Path) -> None:
    path = tmp_path / NAME
    with JournalFile(path) as file:
        journal = ResponseJournal(file, run="r")
        manifest = EgressManifest(file, run="r")
        for number in range(60):
            call = replace(SOUP, record="PRIVATE-NAME" if number % 3 else "public-name")
            manifest.record("host", call, 10)
            text = "PRIVATE-TEXT" if number % 3 else "public-text"
            journal.keep(f"key {number}", call, replace(YES, samples=(Sample(text * 50),)))
        assert b"PRIVATE-NAME" in b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert journal.forget(["PRIVATE-NAME"]) == 40
        left = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert b"PRIVATE" not in left
        assert b"public-name" in left
        assert b"public-text" in left
        assert manifest.read()["records"].to_list() == [2], "the manifest keeps its count without the name"


def test_a_file_that_is_read_elsewhere_cannot_be_wiped_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / NAME
    with JournalFile(path) as file:
        journal = ResponseJournal(file)
        journal.keep("key", SOUP, YES)
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM answers").fetchone() == (1,)
        with file.read() as connection:
            connection.execute("PRAGMA busy_timeout = 50")
        with pytest.raises(ArtifactError, match="read by another process"):
            journal.forget(["soup"])
        reader.close()
        journal.forget(["soup"])


@pytest.mark.parametrize("content", [b"", b"no database at all" * 300])
def test_a_file_that_was_emptied_or_overwritten_is_damaged(tmp_path: Path, content: bytes) -> None:
    fill(tmp_path / NAME)
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(ArtifactError, match=r"journal\.sqlite is damaged .*restore it from a backup, or delete it"):
        JournalFile(tmp_path / NAME)


def test_a_file_that_is_gone_is_damage_until_its_companions_are_gone_too(tmp_path: Path) -> None:
    fill(tmp_path / NAME)
    (tmp_path / NAME).unlink()
    with pytest.raises(ArtifactError, match="40 writes were acknowledged"):
        JournalFile(tmp_path / NAME)
    for path in tmp_path.glob(f"{NAME}*"):
        path.unlink()
    JournalFile(tmp_path / NAME).close()


def test_a_cut_file_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / NAME
    fill(path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with pytest.raises(ArtifactError, match="is damaged"):
        JournalFile(path)


def test_a_log_that_was_removed_or_cut_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / NAME
    with JournalFile(path) as file:
        journal = ResponseJournal(file)
        for number in range(5):
            journal.keep(f"key {number}", SOUP, YES)
        gone = copy(path, tmp_path / "gone", "", ".commits")
        cut = copy(path, tmp_path / "cut", "", ".commits", "-wal")
        whole = copy(path, tmp_path / "whole", "", ".commits", "-wal")
    wal = Path(f"{cut}-wal")
    wal.write_bytes(wal.read_bytes()[:-3])
    with pytest.raises(ArtifactError, match=r"5 writes were acknowledged|lost the last 5 of 5"):
        JournalFile(gone)
    with pytest.raises(ArtifactError, match=r"lost the last 1 of 5 .*delete journal\.sqlite\.commits to go on"):
        JournalFile(cut)
    with JournalFile(whole) as file:
        assert len(ResponseJournal(file).find([f"key {number}" for number in range(5)])) == 5
    Path(f"{cut}.commits").unlink()
    with JournalFile(cut) as file:
        assert len(ResponseJournal(file).find([f"key {number}" for number in range(5)])) == 4


def test_no_damage_to_the_log_loses_an_answer_in_silence(tmp_path: Path) -> None:
    path, chance, keys = tmp_path / NAME, random.Random(5), [f"key {number}" for number in range(20)]
    with JournalFile(path) as file:
        journal = ResponseJournal(file)
        for key in keys:
            journal.keep(key, SOUP, YES)
        right = journal.find(keys)
        log = Path(f"{path}-wal").read_bytes()
        noticed = 0
        for number in range(200):
            torn = copy(path, tmp_path / f"torn {number}", "", ".commits", "-wal")
            place = chance.randrange(len(log))
            flipped = log[:place] + bytes([log[place] ^ 0x41]) + log[place + 1 :]
            Path(f"{torn}-wal").write_bytes(flipped if number % 2 else log[:place])
            try:
                with JournalFile(torn) as damaged:
                    assert ResponseJournal(damaged).find(keys) == right, (number, place)
            except ArtifactError:
                noticed += 1
    assert noticed > 150, "the answers stand in the log alone"


def test_no_flipped_byte_changes_or_hides_an_answer(tmp_path: Path) -> None:
    path, chance, keys = tmp_path / NAME, random.Random(3), [f"key {number}" for number in range(150)]
    fill(path, 150)
    whole = path.read_bytes()
    with JournalFile(path) as file:
        right = ResponseJournal(file).find(keys)
    noticed = 0
    for place in chance.sample(range(len(whole)), 60):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        try:
            with JournalFile(path) as file:
                assert ResponseJournal(file).find(keys) == right
        except ArtifactError as error:
            noticed += 1
            assert NAME in str(error)
    assert noticed > 20


def test_answers_are_synced_into_the_file_itself_while_it_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_file, "SYNCED_EVERY", 0.0)
    with JournalFile(tmp_path / NAME) as file:
        ResponseJournal(file).keep("key", SOUP, YES)
        alone = copy(tmp_path / NAME, tmp_path / "alone", "", ".commits")
    with JournalFile(alone) as file:
        assert set(ResponseJournal(file).find(["key"])) == {"key"}


def test_a_newer_file_is_refused_and_both_versions_are_named(tmp_path: Path) -> None:
    fill(tmp_path / NAME)
    database = sqlite3.connect(tmp_path / NAME)
    database.execute(f"PRAGMA user_version = {VERSION + 6}")
    database.close()
    with pytest.raises(ArtifactError, match=rf"version {VERSION + 6} of its tables, this one knows {VERSION}\)"):
        JournalFile(tmp_path / NAME)


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / NAME)
    database.execute("CREATE TABLE theirs (x)")
    database.close()
    with pytest.raises(ArtifactError, match="another program"):
        JournalFile(tmp_path / NAME)


def test_a_write_that_fails_keeps_nothing_and_says_why(tmp_path: Path) -> None:
    with JournalFile(tmp_path / NAME) as file:
        journal = ResponseJournal(file)
        journal.keep("before", SOUP, YES)
        with file.read() as connection:
            connection.execute("PRAGMA max_page_count = 30")
        big = replace(YES, samples=(Sample("long " * 20_000),))
        with pytest.raises(ArtifactError, match=r"journal\.sqlite cannot be used \(database or disk is full\)"):
            journal.keep("after", SOUP, big)
        assert set(journal.find(["before", "after"])) == {"before"}
