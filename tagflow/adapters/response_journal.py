"""Paid answers, kept before the next question is asked, so that none is paid for twice."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import polars as pl

from tagflow.adapters.journal_file import JournalFile, pack
from tagflow.adapters.money import PICO
from tagflow.calls import Answer, Call, Sample

TOGETHER = 5_000  # ours: keys looked up by one statement

COSTS = pl.Schema(
    {
        "run": pl.String(),
        "stage": pl.String(),
        "task": pl.String(),
        "requests": pl.Int64(),
        "calls": pl.Int64(),
        "stored": pl.Int64(),
        "prompt_tokens": pl.Int64(),
        "completion_tokens": pl.Int64(),
        "money": pl.Float64(),
    }
)
"""Requests, tokens and money as the meter booked them, failed requests and those in flight included; ``calls`` that
were answered anew; ``stored`` calls that a kept answer served."""

BOOK_CALLS = """
INSERT INTO accounts (run, stage, task, calls, stored) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, stored = stored + excluded.stored
"""
ANSWER = "model, samples, prompt_tokens, completion_tokens, money, requests"


class ResponseJournal:
    """The journal of one stage of a run.

    An answer belongs to its question, not to a record: two records with the same question share it. Which records used
    an answer stands in a table of its own, so that a record can be forgotten without taking another's answer away.
    """

    def __init__(self, file: JournalFile, *, run: str = "", stage: str = "") -> None:
        """Read and write the file; what is kept is booked for the run and the stage."""
        self._file, self._run, self._stage = file, run, stage

    def find(self, keys: Sequence[str]) -> dict[str, Answer]:
        """Return the answers that are kept, by key, marked as stored; nothing is counted.

        Raises:
            ArtifactError: the file is damaged, or an answer is not the one that was kept.
        """
        found: dict[str, Answer] = {}
        with self._file.read() as connection:
            for start in range(0, len(keys), TOGETHER):
                rows = connection.execute(
                    f"SELECT key, digest, {ANSWER} FROM answers WHERE key IN (SELECT value FROM json_each(?))",
                    (pack(list(keys[start : start + TOGETHER])),),
                )
                for key, digest, *said in rows:
                    if digest != _digest(key, said):
                        raise self._file.damaged(f"the answer {key[:12]} is not as it was written")
                    found[key] = _read(said)
        return found

    def keep(self, key: str, call: Call, answer: Answer) -> None:
        """Keep an answer that was paid for; when this returns it survives a kill. The first one of a key stays.

        Raises:
            ValueError: the outcome is not ``answered``: a failure is never kept.
            ArtifactError: it could not be written.
        """
        if answer.outcome != "answered":
            raise ValueError(f"only answers are kept, and the outcome is {answer.outcome}")
        said = [
            answer.model.encode("utf-8", "replace").decode(),
            json.dumps([[sample.text, sample.first] for sample in answer.samples]),
            answer.prompt_tokens,
            answer.completion_tokens,
            answer.money,
            answer.requests,
        ]
        row = [key, call.task, *said, self._run, datetime.now(UTC).isoformat(timespec="seconds"), _digest(key, said)]
        with self._file.write() as connection:
            kept = connection.execute(
                f"INSERT INTO answers (key, task, {ANSWER}, run, kept_at, digest) VALUES ({', '.join('?' * len(row))}) "
                "ON CONFLICT DO NOTHING",
                row,
            ).rowcount
            connection.execute("UPDATE state SET answers = answers + ?", (kept,))
            connection.execute("INSERT OR IGNORE INTO uses VALUES (?, ?)", (call.record, key))
            connection.execute(BOOK_CALLS, (self._run, self._stage, call.task, 1, 0))

    def discard(self, keys: Sequence[str]) -> None:
        """Drop answers that turned out to be of no use, whatever record used them; what they cost stays booked.

        Raises:
            ArtifactError: it could not be written.
        """
        said = (pack(list(keys)),)
        with self._file.write() as connection:
            gone = connection.execute(
                "DELETE FROM answers WHERE key IN (SELECT value FROM json_each(?))", said
            ).rowcount
            connection.execute("DELETE FROM uses WHERE key IN (SELECT value FROM json_each(?))", said)
            connection.execute("UPDATE state SET answers = answers - ?", (gone,))

    def use(self, uses: Sequence[tuple[str, Call]]) -> None:
        """Note the calls that kept answers served, by key, so that the accounts and ``forget`` know of them.

        Raises:
            ArtifactError: it could not be written.
        """
        if not uses:
            return
        with self._file.write() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO uses VALUES (?, ?)", [(call.record, key) for key, call in uses]
            )
            counts = Counter(call.task for _, call in uses)
            connection.executemany(BOOK_CALLS, [(self._run, self._stage, task, 0, n) for task, n in counts.items()])

    def forget(self, records: Iterable[str]) -> int:
        """Remove every trace of the records and return how many answers went; what they cost stays in the accounts.

        An answer that another record uses too is left to it. The manifest keeps its counts, without the names.

        Raises:
            ArtifactError: it could not be written, or another process reads the file: then old pages may be left.
        """
        names = pack(sorted(set(records)))
        with self._file.write() as connection:
            connection.execute("CREATE TEMP TABLE touched AS SELECT key FROM uses WHERE FALSE")
            connection.execute(
                "INSERT INTO touched SELECT DISTINCT key FROM uses WHERE record IN (SELECT value FROM json_each(?))",
                (names,),
            )
            connection.execute("DELETE FROM uses WHERE record IN (SELECT value FROM json_each(?))", (names,))
            gone = connection.execute(
                "DELETE FROM answers WHERE key IN (SELECT key FROM touched) AND key NOT IN (SELECT key FROM uses)"
            ).rowcount
            connection.execute("DROP TABLE touched")
            connection.execute("UPDATE state SET answers = answers - ?", (gone,))
            connection.execute(
                "UPDATE egress_records SET record = hex(randomblob(16)) "
                "WHERE record IN (SELECT value FROM json_each(?))",
                (names,),
            )
        self._file.shrink()
        return int(gone)

    def list_records(self) -> list[str]:
        """Return the names of the records that answers were used for, sorted."""
        with self._file.read() as connection:
            return [name for (name,) in connection.execute("SELECT DISTINCT record FROM uses ORDER BY record")]

    def list_records_of(self, runs: Sequence[str]) -> set[str]:
        """Return the names of the records that answers of these runs were used for."""
        with self._file.read() as connection:
            rows = connection.execute(
                "SELECT DISTINCT record FROM uses JOIN answers USING (key) "
                "WHERE run IN (SELECT value FROM json_each(?))",
                (pack(list(runs)),),
            )
            return {name for (name,) in rows}

    def costs(self, run: str | None = None) -> pl.DataFrame:
        """Return what each run, stage and task took (``COSTS``), sorted by them; None is every run."""
        with self._file.read() as connection:
            rows = connection.execute(
                f"SELECT {', '.join(COSTS.names()[:-1])}, picos FROM accounts WHERE ?1 IS NULL OR run = ?1 "
                "ORDER BY run, stage, task",
                (run,),
            ).fetchall()
        return pl.DataFrame([(*row, picos / PICO) for *row, picos in rows], schema=COSTS, orient="row")


def _digest(key: str, said: Sequence[object]) -> str:
    return hashlib.blake2b(json.dumps([key, *said]).encode(), digest_size=12).hexdigest()


def _read(said: Sequence[object]) -> Answer:
    model, samples, prompt_tokens, completion_tokens, money, requests = said
    return Answer(
        "answered",
        samples=tuple(
            Sample(text, None if first is None else tuple((token, value) for token, value in first))
            for text, first in json.loads(str(samples))
        ),
        model=str(model),
        prompt_tokens=int(str(prompt_tokens)),
        completion_tokens=int(str(completion_tokens)),
        money=float(str(money)),
        requests=int(str(requests)),
        stored=True,
    )
