"""What is paid is not lost when a process is killed, told to end, or meets an error in the midst of a batch."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tagflow.calls import Answer, Call
from tagflow_tests.llm.desk import ask, open_desk
from tagflow_tests.llm.fault_server import FaultServer
from tagflow_tests.llm.ledgers import SmallJournal

CONCURRENCY = 8


def start(server: FaultServer, journal: Path, calls: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tagflow_tests.llm.fan_out", server.url, str(journal), str(calls)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "asking\n"
    return process


def count_asked(server: FaultServer) -> Counter[str]:
    return Counter(request.text for request in server.requests if request.text.startswith("question"))


def test_kills_cost_at_most_what_was_in_flight_and_nothing_that_was_kept(tmp_path: Path) -> None:
    drawn, kills, calls = random.Random(0), 3, 400
    with FaultServer(latency=0.005) as server:
        for _ in range(kills):
            process = start(server, tmp_path / "journal", calls)
            before = len(server.requests)
            goal = before + drawn.randrange(40, 110)
            while len(server.requests) < goal and process.poll() is None:
                time.sleep(0.001)
            process.kill()
            process.wait()
            process.stdout.close()
            kept = SmallJournal(tmp_path / "journal").list_records()
            asked = count_asked(server)
            assert len(asked) - len(kept) <= CONCURRENCY
        stored = {record.replace("record", "question") for record in kept}
        at_last_start = Counter(asked)
        process = start(server, tmp_path / "journal", calls)
        said, _ = process.communicate(timeout=60)
        assert said == f"{{'answered': {calls}}}\n"
        asked = count_asked(server)
        assert len(asked) == calls
        assert {text for text in stored if asked[text] > at_last_start[text]} == set(), "no stored answer is paid again"
        assert asked.total() - calls <= kills * CONCURRENCY
    assert len(SmallJournal(tmp_path / "journal").list_records()) == calls


def test_a_request_to_end_lets_what_is_in_flight_come_in_and_be_kept(tmp_path: Path) -> None:
    with FaultServer(latency=0.05) as server:
        process = start(server, tmp_path / "journal", 600)
        while len(count_asked(server)) < 40:
            time.sleep(0.001)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=20)
        assert said == "interrupted\n"
        asked = count_asked(server)
        assert 40 <= len(asked) < 600
        assert len(SmallJournal(tmp_path / "journal").list_records()) == asked.total() == len(asked)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Started in the background of a shell, the tests would inherit that interrupts are ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_reaches_the_caller_and_the_endpoint_can_be_used_again() -> None:
    with FaultServer(latency=0.05) as server, open_desk(server) as desk:
        timer = threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGINT])
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            desk.endpoint.answer([ask(number) for number in range(400)])
        assert len(desk.requests) < 400  # a busy machine hears the signal late
        assert len(desk.journal.list_records()) == len(desk.requests)
        desk.check_books()
        assert desk.ask_one(ask("later")).outcome == "answered"


def test_stopping_from_another_thread_leaves_the_rest_waiting() -> None:
    with FaultServer(latency=0.05) as server, open_desk(server) as desk:
        threading.Timer(0.1, desk.endpoint.stop).start()
        found = Counter(answer.outcome for answer in desk.endpoint.answer([ask(number) for number in range(400)]))
        assert set(found) == {"answered", "stopped"}
        assert found["answered"] == len(desk.requests) == len(desk.journal.list_records())


def test_a_journal_that_cannot_write_ends_the_batch_and_says_why() -> None:
    class FullJournal(SmallJournal):
        def keep(self, key: str, call: Call, answer: Answer) -> None:
            if call.record == "record 20":
                raise OSError("no space left on device")
            super().keep(key, call, answer)

    with FaultServer(latency=0.005) as server, open_desk(server, FullJournal()) as desk:
        with pytest.raises(OSError, match="no space left"):
            desk.endpoint.answer([ask(number) for number in range(400)])
        assert len(desk.requests) <= 20 + 2 * CONCURRENCY
        assert len(desk.journal.list_records()) == len(desk.requests) - 1
        desk.check_books()
