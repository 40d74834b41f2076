"""Progress: a line every few seconds in a log, a bar in a terminal, and the batches untouched."""

import pytest

from tagflow.adapters.progress import EVERY, LogProgress, TerminalProgress


def follow(times: list[float], sizes: list[int], total: int) -> list[str]:
    """Return the lines said for batches of these sizes; the clock is read at the start and after every batch."""
    lines: list[str] = []
    ticks = iter(times)
    batches = [["text"] * size for size in sizes]
    progress = LogProgress(lines.append, clock=lambda: next(ticks))
    assert list(progress.follow(batches, "embedding", total, len)) == batches
    assert next(ticks, None) is None
    return lines


def test_a_line_tells_counts_rate_and_time_left() -> None:
    """At 5 s 100 of 1,900 are done: 20 a second, 1,800 left take 90 s."""
    assert follow([0, 2, 5], [40, 60], 1900) == ["embedding: 100 of 1,900 (20/s, 1:30 left)"]


def test_lines_are_at_least_five_seconds_apart() -> None:
    """Lines at 5 and 11 s; at 9 and 15.9 s the last one is 4 and 4.9 s old."""
    lines = follow([100, 105, 109, 111, 115.9], [10, 10, 20, 10], 1000)
    assert lines == ["embedding: 10 of 1,000 (2/s, 8:15 left)", "embedding: 40 of 1,000 (4/s, 4:24 left)"]
    assert EVERY == 5


def test_quick_work_says_nothing() -> None:
    assert follow([0, 1, 2, 4.9], [1, 1, 1], 3) == []
    assert follow([0], [], 0) == []


def test_the_last_line_has_no_time_left() -> None:
    assert follow([0, 10], [50], 50) == ["embedding: 50 of 50 (5/s, 0:00 left)"]


def test_a_batch_counts_only_when_the_next_is_asked_for() -> None:
    lines: list[str] = []
    now = [0.0]
    batches = LogProgress(lines.append, clock=lambda: now[0]).follow([[1], [2]], "work", 2, len)
    next(batches)
    now[0] = 10.0
    assert lines == []
    next(batches)
    assert lines == ["work: 1 of 2 (0/s, 0:10 left)"]


def test_what_is_said_is_said_at_once() -> None:
    lines: list[str] = []
    LogProgress(lines.append).say("hello")
    assert lines == ["hello"]


def test_a_bar_is_drawn_beside_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    progress = TerminalProgress()
    batches = [[1, 2], [3]]
    assert list(progress.follow(batches, "embedding", 3, len)) == batches
    progress.say("done")
    shown = capsys.readouterr()
    assert shown.out == "  done\n"
    assert "embedding" in shown.err
