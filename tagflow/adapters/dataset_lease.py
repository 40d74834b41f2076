"""Who may write a dataset: one run at a time, by a lock that the kernel frees when its process ends.

A lock file can be removed and a network disk can forget a lock, so each lease also has a number, its epoch, that grows
with every lease of the dataset. Nothing is published under an epoch that is not the latest.
"""

import json
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from tagflow.errors import ArtifactError

POLL = 0.05  # ours: seconds between two looks whether the lease is free
SAID_EVERY = 60.0  # ours: seconds after which a run that waits says so again


@dataclass(frozen=True)
class Holder:
    """Who holds a lease: its epoch, the run, its process, and since when (UTC)."""

    epoch: int
    run: str
    pid: int
    since: str

    def __str__(self) -> str:
        return f"run {self.run} (process {self.pid}, since {self.since})"


NOBODY = Holder(0, "", 0, "")


class Lease:
    """The right to write one dataset, until it is released or the process ends."""

    def __init__(self, folder: Path, dataset: str, run: str) -> None:
        """Prepare a lease of the dataset whose versions lie in ``folder``; nothing is held yet."""
        self._folder, self._dataset, self._run = folder, dataset, run
        self._lock = FileLock(folder / "lease.lock", thread_local=False)
        self.epoch = 0

    def acquire(self, patience: float, say: Callable[[str], object] = lambda _: None) -> "Lease":
        """Take the lease, waiting for another run to end.

        Args:
            patience: seconds to wait; 0 to ask once.
            say: takes a line that names whom it waits for, at once and every minute.

        Raises:
            ArtifactError: another run holds it still.
            OSError: the folder cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        end, told = time.monotonic() + patience, float("-inf")
        while True:
            try:
                self._lock.acquire(timeout=0)
                break
            except Timeout:
                now = time.monotonic()
                if now >= end:
                    raise ArtifactError(
                        f"Dataset {self._dataset!r} is held by {read_holder(self._folder)}: wait for it to end, or "
                        f"stop it."
                    ) from None
                if now - told >= SAID_EVERY:
                    say(f"dataset {self._dataset!r} is held by {read_holder(self._folder)}: waiting for it to end")
                    told = now
                time.sleep(POLL)
        try:
            with self.publishing(check=False):
                self.epoch = read_holder(self._folder).epoch + 1
                _write_holder(self._folder, Holder(self.epoch, self._run, os.getpid(), _now()))
        except BaseException:
            self._lock.release()
            raise
        return self

    def publishing(self, *, check: bool = True) -> "_Publishing":
        """Return a block in which no other process can take a lease or publish.

        Raises:
            ArtifactError: on entry, if the lease has passed on to another run (unless ``check`` is False).
        """
        return _Publishing(self, check)

    def check(self) -> None:
        """Raise ArtifactError if the lease has passed on to another run."""
        holder = read_holder(self._folder)
        if holder.epoch != self.epoch:
            raise ArtifactError(
                f"Run {self._run} no longer holds dataset {self._dataset!r}, {holder} does: nothing was published; "
                f"start the run again when that one has ended."
            )

    def release(self) -> None:
        """Let others have it; no error if it is not held."""
        self._lock.release()


class _Publishing:
    def __init__(self, lease: Lease, check: bool) -> None:
        self._lease, self._check = lease, check
        self._lock = FileLock(lease._folder / "publish.lock", thread_local=False)

    def __enter__(self) -> None:
        self._lock.acquire()
        try:
            if self._check:
                self._lease.check()
        except BaseException:
            self._lock.release()
            raise

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def read_holder(folder: Path) -> Holder:
    """Return who took the latest lease, whether it still holds it or not."""
    try:
        said = json.loads((folder / "lease.json").read_text(encoding="utf-8"))
        return Holder(int(said["epoch"]), str(said["run"]), int(said["pid"]), str(said["since"]))
    except (OSError, ValueError, LookupError, TypeError):
        return NOBODY


def _write_holder(folder: Path, holder: Holder) -> None:
    staged = folder / f".lease-{secrets.token_hex(4)}.tmp"
    try:
        staged.write_text(json.dumps(vars(holder)), encoding="utf-8")
        staged.replace(folder / "lease.json")
    finally:
        staged.unlink(missing_ok=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
