"""What became of a tag model's questions to a language model: failures, rungs, cuts, counts. Any thread may add."""

from collections import Counter
from collections.abc import Iterable, Mapping
from threading import Lock

import polars as pl

from tagflow.calls import WAITING
from tagflow.prompts.packing import Cut

FAILURES = pl.Schema(
    {
        "content_id": pl.String(),
        "task": pl.String(),
        "outcome": pl.String(),
        "reason": pl.String(),
        "requests": pl.Int64(),
    }
)
"""A content whose question of this task has no answer: how it ended, why, and the requests it took."""

RUNGS = pl.Schema({"content_id": pl.String(), "tag_id": pl.String(), "rung": pl.String(), "mass": pl.Float64()})
"""What gave a judged pair its number (null: nothing could); mass: probability of Yes and No together, if known."""

CUTS = pl.Schema(
    {
        "content_id": pl.String(),
        "task": pl.String(),
        "field": pl.String(),
        "kept": pl.Int64(),
        "total": pl.Int64(),
    }
)
"""A field that was sampled to fit the prompt: characters kept and in total."""


class Ledger:
    """Keeps the latest of each (content, task) and (content, tag)."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = Lock()
        self._failures: dict[tuple[str, str], tuple[str, str, int]] = {}
        self._rungs: dict[tuple[str, str], tuple[str | None, float | None]] = {}
        self._cuts: dict[tuple[str, str], tuple[Cut, ...]] = {}
        self._counts: Counter[str] = Counter()

    def settle(self, content_id: str, task: str, failures: Iterable[tuple[str, str, int]] = ()) -> None:
        """Note how a content's questions of a task ended: nothing failed, or these (outcome, reason, requests).

        Where several failed, one that only waits counts before the others: the content is asked again anyway.
        """
        failed = sorted(failures, key=lambda one: one[0] not in WAITING)
        with self._lock:
            self._failures.pop((content_id, task), None)
            if failed:
                outcome, reason, _ = failed[0]
                self._failures[content_id, task] = (outcome, reason, sum(requests for _, _, requests in failed))

    def rate(self, content_id: str, tag_id: str, rung: str | None, mass: float | None) -> None:
        """Note what gave a pair its number."""
        with self._lock:
            self._rungs[content_id, tag_id] = (rung, mass)

    def cut(self, content_id: str, task: str, cuts: tuple[Cut, ...]) -> None:
        """Note what of a content was left out of a prompt."""
        with self._lock:
            self._cuts.pop((content_id, task), None)
            if cuts:
                self._cuts[content_id, task] = cuts

    def count(self, counts: Mapping[str, int]) -> None:
        """Add to the counts."""
        with self._lock:
            self._counts.update(counts)

    @property
    def failures(self) -> pl.DataFrame:
        """Columns of ``FAILURES``."""
        with self._lock:
            rows = [(*key, *value) for key, value in self._failures.items()]
        return pl.DataFrame(rows, schema=FAILURES, orient="row")

    @property
    def rungs(self) -> pl.DataFrame:
        """Columns of ``RUNGS``."""
        with self._lock:
            rows = [(*key, *value) for key, value in self._rungs.items()]
        return pl.DataFrame(rows, schema=RUNGS, orient="row")

    @property
    def cuts(self) -> pl.DataFrame:
        """Columns of ``CUTS``."""
        with self._lock:
            rows = [(*key, cut.field, cut.kept, cut.total) for key, cuts in self._cuts.items() for cut in cuts]
        return pl.DataFrame(rows, schema=CUTS, orient="row")

    @property
    def counts(self) -> dict[str, int]:
        """Answers by the way they were read, and what was left out of them."""
        with self._lock:
            return dict(self._counts)
