"""How far a long piece of work is: a bar in a terminal, lines in a log."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

from tagflow.control_characters import escape_controls

B = TypeVar("B")

tqdm.monitor_interval = 0  # its watching thread outlives the program and upsets the shutdown of other libraries

EVERY = 5.0  # seconds between two lines in a log: ours


class TerminalProgress:
    """Draws a bar on standard error, with counts, rate and time left; lines go to standard output."""

    def say(self, line: str) -> None:
        """Write a line above the bar."""
        tqdm.write(f"  {escape_controls(line)}", file=sys.stdout)

    def follow(self, batches: Iterable[B], what: str, total: int, size: Callable[[B], int]) -> Iterator[B]:
        """Yield the batches; a batch counts as done when the next one is asked for."""
        with tqdm(total=total, desc=f"  {what}", unit="", leave=False, dynamic_ncols=True) as bar:
            for batch in batches:
                yield batch
                bar.update(size(batch))


class LogProgress:
    """Says a line every few seconds."""

    def __init__(self, say: Callable[[str], object], clock: Callable[[], float] = time.monotonic) -> None:
        """Keep where lines go and the clock."""
        self._say, self._clock = say, clock

    def say(self, line: str) -> None:
        """Say a line at once."""
        self._say(escape_controls(line))

    def follow(self, batches: Iterable[B], what: str, total: int, size: Callable[[B], int]) -> Iterator[B]:
        """Yield the batches; a batch counts as done when the next one is asked for."""
        start = said = self._clock()
        done = 0
        for batch in batches:
            yield batch
            done += size(batch)
            now = self._clock()
            if now - said >= EVERY:
                said = now
                rate = done / (now - start)
                left = round((total - done) / rate) if rate else 0
                self._say(f"{what}: {done:,} of {total:,} ({rate:,.0f}/s, {left // 60}:{left % 60:02d} left)")
