"""A journal, a meter and a manifest that are small enough to be believed."""

import json
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from tagflow.calls import Answer, Call, Sample


class SmallJournal:
    """Keeps answers in an SQLite file, committed before ``keep`` returns; in memory without a path."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._base = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._base.execute("pragma journal_mode = wal")
        self._base.execute("create table if not exists kept (key text primary key, record text, answer text)")
        self.finds = 0
        self.uses: list[tuple[str, str]] = []

    def find(self, keys: Sequence[str]) -> dict[str, Answer]:
        with self._lock:
            self.finds += 1
            rows = self._base.execute(
                "select key, answer from kept where key in (select value from json_each(?))", [json.dumps(list(keys))]
            ).fetchall()
        return {key: replace(_read(text), stored=True) for key, text in rows}

    def keep(self, key: str, call: Call, answer: Answer) -> None:
        assert answer.outcome == "answered", "only answers are kept"
        with self._lock:
            self._base.execute("insert into kept values (?, ?, ?)", [key, call.record, json.dumps(asdict(answer))])

    def discard(self, keys: Sequence[str]) -> None:
        with self._lock:
            self._base.executemany("delete from kept where key = ?", [(key,) for key in keys])

    def use(self, uses: Sequence[tuple[str, Call]]) -> None:
        self.uses += [(key, call.record) for key, call in uses]

    def list_records(self) -> list[str]:
        """The records that have an answer, without the probe's."""
        with self._lock:
            rows = self._base.execute("select record from kept where record <> ''").fetchall()
        return sorted(record for (record,) in rows)


def _read(text: str) -> Answer:
    said = json.loads(text)
    samples = [
        Sample(each["text"], None if each["first"] is None else tuple((token, value) for token, value in each["first"]))
        for each in said.pop("samples")
    ]
    return Answer(**said, samples=tuple(samples))


class SmallMeter:
    """Reserves before and books after, a thousandth of the currency for a token, within a budget of tokens."""

    def __init__(self, budget: int | None = None) -> None:
        self._budget, self._lock = budget, threading.Lock()
        self._reserved: dict[int, tuple[str, int]] = {}
        self._count = 0
        self.booked: list[tuple[str, int, int]] = []

    def reserve(self, task: str, prompt_tokens: int, completion_tokens: int) -> int | None:
        with self._lock:
            most = prompt_tokens + completion_tokens
            held = sum(tokens for _, tokens in self._reserved.values())
            if self._budget is not None and self.spent + held + most > self._budget:
                return None
            self._count += 1
            self._reserved[self._count] = (task, most)
            return self._count

    def settle(self, reservation: int, prompt_tokens: int, completion_tokens: int) -> float:
        with self._lock:
            task, most = self._reserved.pop(reservation)
            assert prompt_tokens + completion_tokens <= most, "more was used than was set aside"
            self.booked.append((task, prompt_tokens, completion_tokens))
            return (prompt_tokens + completion_tokens) / 1000

    @property
    def spent(self) -> int:
        """Tokens that were used."""
        return sum(prompt + completion for _, prompt, completion in self.booked)

    @property
    def paid(self) -> int:
        """Requests that took anything."""
        return sum(prompt + completion > 0 for _, prompt, completion in self.booked)

    @property
    def open(self) -> int:
        """Reservations that were never settled."""
        return len(self._reserved)


class SmallManifest:
    """Lists what left."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, int]] = []

    def record(self, host: str, call: Call, sent_bytes: int) -> None:
        self.sent.append((host, call.record, sent_bytes))
