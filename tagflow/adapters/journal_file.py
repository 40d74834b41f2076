"""The one file beside the warehouse that knows what was asked, paid and sent: SQLite, safe for threads and processes.

A write survives the end of the process, ``kill -9`` included, as soon as its ``with`` block ends. A power cut may cost
the writes after the last sync (the first write that comes ``SYNCED_EVERY`` after the one before syncs, closing does),
which is noticed when the file is next opened, and never the file.
"""

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from tagflow.errors import ArtifactError

NAME = "journal.sqlite"
"""Its name in the warehouse folder."""

VERSION = 2
"""Version of the tables; a file of a newer one is refused, one of version 1 gets what it lacks."""

KIND = 0x7461676A
"""SQLite's application id of this kind of file ('tagj'), so that another database is never taken for it."""

SYNCED_EVERY = 1.0  # ours: seconds; a sync at each answer would cost more than all the rest of a call
PATIENCE = 60.0  # ours: seconds that a write waits for another process's

RUNS = """
CREATE TABLE runs (
    run TEXT PRIMARY KEY, dataset TEXT NOT NULL, currency TEXT NOT NULL, began TEXT NOT NULL
) WITHOUT ROWID;
"""
"""What version 1 did not have: which dataset a run was for."""

TABLES = f"""
{RUNS}
CREATE TABLE state (commits INTEGER NOT NULL, answers INTEGER NOT NULL);
INSERT INTO state VALUES (0, 0);
CREATE TABLE answers (
    key TEXT PRIMARY KEY, task TEXT NOT NULL, model TEXT NOT NULL, samples TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, money REAL NOT NULL, requests INTEGER NOT NULL,
    run TEXT NOT NULL, kept_at TEXT NOT NULL, digest TEXT NOT NULL
);
CREATE TABLE uses (record TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (record, key)) WITHOUT ROWID;
CREATE INDEX uses_of_answer ON uses (key);
CREATE TABLE accounts (
    run TEXT NOT NULL, stage TEXT NOT NULL, task TEXT NOT NULL,
    requests INTEGER NOT NULL DEFAULT 0, calls INTEGER NOT NULL DEFAULT 0, stored INTEGER NOT NULL DEFAULT 0,
    prompt_tokens INTEGER NOT NULL DEFAULT 0, completion_tokens INTEGER NOT NULL DEFAULT 0,
    picos INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (run, stage, task)
) WITHOUT ROWID;
CREATE TABLE egress (
    id INTEGER PRIMARY KEY, run TEXT NOT NULL, host TEXT NOT NULL, task TEXT NOT NULL, fields TEXT NOT NULL,
    requests INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0, redactions INTEGER NOT NULL DEFAULT 0,
    UNIQUE (run, host, task, fields)
);
CREATE TABLE egress_records (egress INTEGER NOT NULL, record TEXT NOT NULL, PRIMARY KEY (egress, record)) WITHOUT ROWID;
"""


class JournalFile:
    """An open journal file; any thread may use it, and any number of processes may have it open.

    Beside it lies ``<name>.commits`` with the number of writes that were acknowledged: SQLite opens a file whose log
    was cut or removed without a word, and this number tells.
    """

    def __init__(self, path: Path) -> None:
        """Open and check the file, or make it.

        Raises:
            ArtifactError: it is damaged, of a newer version, another kind of file, or cannot be written.
        """
        self.path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection
        self._acknowledged = -1
        self._synced = time.monotonic()
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{path}.lock", timeout=PATIENCE):
                try:
                    self._open()
                except BaseException:
                    self.close()
                    raise

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Do what is in the block in one transaction; when the block has ended it survives a kill.

        Raises:
            ArtifactError: the file is damaged, or the disk is full or refuses; nothing of the block is kept.
        """
        with self._lock, self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                done = self._connection.execute("UPDATE state SET commits = commits + 1 RETURNING commits").fetchall()
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            os.pwrite(self._acknowledged, b"%020d" % done[0][0], 0)
            if time.monotonic() - self._synced > SYNCED_EVERY:
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
                self._synced = time.monotonic()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Read what was written before, as of one moment.

        Raises:
            ArtifactError: the file is damaged.
        """
        with self._lock, self._explained():
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                self._connection.execute("ROLLBACK")

    def shrink(self) -> None:
        """Rewrite the file so that what was deleted stands nowhere in it.

        Raises:
            ArtifactError: another process reads the file, so that old pages may be left.
        """
        with self._lock, self._explained():
            self._connection.execute("VACUUM")
            (busy, _, _) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise ArtifactError(
                f"{self.path} is being read by another process, so that deleted text may still stand in its log: "
                f"end the runs that use it and do this again."
            )

    def close(self) -> None:
        """Close the file; everything in it is then safe from a power cut too."""
        with self._lock:
            if hasattr(self, "_connection"):
                self._connection.close()
            if self._acknowledged >= 0:
                os.close(self._acknowledged)
                self._acknowledged = -1

    def __enter__(self) -> "JournalFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def damaged(self, what: str) -> ArtifactError:
        """Return the error that says what is damaged and what to do."""
        return ArtifactError(
            f"{self.path} is damaged ({what}): restore it from a backup, or delete it with every file whose name "
            f"starts with {self.path.name} to begin anew, which pays for its answers again."
        )

    def _open(self) -> None:
        commits = Path(f"{self.path}.commits")
        self._acknowledged = os.open(commits, os.O_RDWR | os.O_CREAT, 0o644)
        said = os.pread(self._acknowledged, 20, 0)
        acknowledged = int(said) if said.isdigit() else 0  # read before the file: others may go on writing
        self._connection = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        (tables,) = self._connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        version = self._check_kind() if tables else VERSION
        if not tables and acknowledged:
            raise self.damaged(f"it is empty or gone, and {acknowledged} writes were acknowledged")
        (mode,) = self._connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise ArtifactError(f"{self.path} lies on a file system that cannot hold it: put the data on a local disk.")
        self._connection.execute("PRAGMA synchronous = NORMAL")  # survives kill -9; power cuts: see SYNCED_EVERY
        if not tables:
            self._connection.executescript(
                f"BEGIN; {TABLES} PRAGMA application_id = {KIND}; PRAGMA user_version = {VERSION}; COMMIT;"
            )
        elif version < VERSION:
            self._connection.executescript(f"BEGIN; {RUNS} PRAGMA user_version = {VERSION}; COMMIT;")
        self._check(acknowledged, commits)

    def _check_kind(self) -> int:
        """Return the version of the tables."""
        (kind,) = self._connection.execute("PRAGMA application_id").fetchone()
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if kind != KIND:
            raise ArtifactError(f"{self.path} is a database of another program: move it away.")
        if version > VERSION:
            raise ArtifactError(
                f"{self.path} was written by a newer tagflow (version {version} of its tables, this one knows "
                f"{VERSION}): update tagflow."
            )
        return int(version)

    def _check(self, acknowledged: int, commits: Path) -> None:
        (found,) = self._connection.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise self.damaged(" ".join(str(found).split()))
        written, told, there = self._connection.execute(
            "SELECT commits, answers, (SELECT count(*) FROM answers) FROM state"
        ).fetchone()
        if told != there:
            raise self.damaged(f"it should hold {told} answers and holds {there}")
        if written < acknowledged:
            raise ArtifactError(
                f"{self.path} has lost the last {acknowledged - written} of {acknowledged} acknowledged writes (was "
                f"its log {self.path.name}-wal removed, or the power cut?): restore both from a backup, or delete "
                f"{commits.name} to go on with what is left, which pays for the lost answers again."
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.OperationalError, OSError, Timeout) as error:
            raise ArtifactError(
                f"{self.path} cannot be used ({' '.join(str(error).split())}): check the disk's space and rights, "
                f"and that no other program holds the file."
            ) from error
        except sqlite3.DatabaseError as error:
            if isinstance(error, (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError)):
                raise
            raise self.damaged(" ".join(str(error).split())) from error


def pack(values: list[str]) -> str:
    """Return the texts as one parameter for ``IN (SELECT value FROM json_each(?))``."""
    return json.dumps(values)
