"""What leaves the machine is written down, and not what it says."""

import random
import threading
from dataclasses import replace
from pathlib import Path

from tagflow.adapters.egress_manifest import MANIFEST, EgressManifest
from tagflow.adapters.journal_file import NAME, JournalFile
from tagflow.calls import Call

SOUP = Call("judge", "soup", (("system", "Judge."), ("user", "CANARY-TEXT")), 1, fields=("title", "caption"))


def test_the_manifest_is_what_was_sent(tmp_path: Path) -> None:
    masked = replace(SOUP, messages=(("user", "from [redacted:email] to [redacted:email]"), ("user", "[redacted:ip]")))
    with JournalFile(tmp_path / NAME) as file:
        manifest = EgressManifest(file, run="r")
        manifest.record("127.0.0.1", SOUP, 100)
        manifest.record("127.0.0.1", replace(masked, fields=("caption", "title")), 50)  # the same record again
        manifest.record("127.0.0.1", replace(SOUP, record="bisque"), 7)
        manifest.record("127.0.0.1", replace(SOUP, fields=()), 3)
        manifest.record("api.example.com", replace(SOUP, task="propose", fields=("title",)), 1)
        EgressManifest(file, run="other").record("elsewhere", SOUP, 1)
        frame = manifest.read()
        assert frame.rows() == [
            ("r", "127.0.0.1", "judge", [], 1, 1, 3, 0),
            ("r", "127.0.0.1", "judge", ["caption", "title"], 2, 3, 157, 3),
            ("r", "api.example.com", "propose", ["title"], 1, 1, 1, 0),
        ]
        assert frame.schema == MANIFEST
        assert EgressManifest(file, run="quiet").read().schema == MANIFEST


def test_the_manifest_outlives_its_process_and_holds_no_text(tmp_path: Path) -> None:
    with JournalFile(tmp_path / NAME) as file:
        EgressManifest(file, run="r").record("host", SOUP, 100)
        with JournalFile(tmp_path / NAME) as again:  # what a process that comes after a kill sees
            assert EgressManifest(again, run="r").read()["requests"].to_list() == [1]
    assert b"CANARY-TEXT" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_no_request_of_many_threads_is_missed(tmp_path: Path) -> None:
    with JournalFile(tmp_path / NAME) as file:
        manifest = EgressManifest(file, run="r")
        sent: list[tuple[str, int]] = []

        def work(worker: int) -> None:
            chance = random.Random(worker)
            for _ in range(40):
                record, size = f"record {chance.randint(1, 30)}", chance.randint(1, 999)
                sent.append((record, size))
                manifest.record("host", replace(SOUP, record=record), size)

        threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert manifest.read().select("records", "requests", "bytes").rows() == [
            (len({record for record, _ in sent}), 320, sum(size for _, size in sent))
        ]
