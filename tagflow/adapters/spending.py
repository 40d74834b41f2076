"""What a run may spend, and what it has spent: a request is paid from the budget before it is sent."""

import threading
from dataclasses import dataclass

from tagflow.adapters.journal_file import JournalFile
from tagflow.adapters.money import PICO, Budget, Price

MOST = 10**9  # ours: tokens that one request can be said to have used; a wild number of an endpoint ends there

SPENT = """
SELECT coalesce(sum(requests), 0), coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0),
       coalesce(sum(picos), 0) FROM accounts WHERE run = ?
"""
BOOK = """
INSERT INTO accounts (run, stage, task, requests, prompt_tokens, completion_tokens, picos) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,
    prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens, picos = picos + excluded.picos
"""


@dataclass(frozen=True)
class Spending:
    """What a run has spent, requests in flight at the most they may cost.

    Attributes:
        requests: requests sent.
        prompt_tokens: of what was sent.
        completion_tokens: of what was answered.
        picos: money, in picos of the currency.
        budget: what it may spend.
    """

    requests: int
    prompt_tokens: int
    completion_tokens: int
    picos: int
    budget: Budget

    @property
    def money(self) -> float:
        """Money in the currency."""
        return self.picos / PICO

    def __str__(self) -> str:
        budget = self.budget
        tokens = self.prompt_tokens + self.completion_tokens
        parts = [f"{self.requests}{_ceiling(budget.requests)} requests", f"{tokens}{_ceiling(budget.tokens)} tokens"]
        if budget.picos is not None:
            parts.insert(0, f"{self.money:.2f} of {budget.picos / PICO:.2f} {budget.currency}")
        elif self.picos:
            parts.insert(0, f"{self.money:.2f} of unlimited money")
        return ", ".join(parts)


class SpendingMeter:
    """Holds one run within its budget, however many threads, stages and processes spend for it.

    The period of a budget is a run, by its id: what the run has spent stands in the journal file and counts again in a
    process that goes on with it; another run starts from nothing. A request is booked at the most it may cost before
    it is sent, and set right when it is over; one whose process was killed stays booked at the most.
    """

    def __init__(
        self,
        file: JournalFile,
        budget: Budget,
        price: Price | None = None,
        *,
        run: str,
        stage: str = "",
    ) -> None:
        """Book in the file for the run and the stage; without a price everything is free.

        Raises:
            ValueError: the budget limits money, and there is no price or one in another currency.
        """
        if budget.picos is not None and (price is None or price.currency != budget.currency):
            raise ValueError("a budget of money needs a price in its currency")
        self._file, self._budget, self._price = file, budget, price or Price(0, 0, budget.currency)
        self._run, self._stage = run, stage
        self._lock = threading.Lock()
        self._open: dict[int, tuple[str, int, int]] = {}
        self._last = 0

    def reserve(self, task: str, prompt_tokens: int, completion_tokens: int) -> int | None:
        """Book the most that one request may cost and return the reservation's number, or None: no budget left.

        Raises:
            ArtifactError: the journal file cannot be written; then nothing may be sent.
        """
        prompt, completion = _bound(prompt_tokens), _bound(completion_tokens)
        picos = self._price.count_picos(prompt, completion)
        budget = self._budget
        with self._file.write() as connection:
            requests, prompts, completions, spent = connection.execute(SPENT, (self._run,)).fetchone()
            fits = (
                _fits(requests + 1, budget.requests)
                and _fits(prompts + completions + prompt + completion, budget.tokens)
                and _fits(spent + picos, budget.picos)
            )
            if fits:
                connection.execute(BOOK, (self._run, self._stage, task, 1, prompt, completion, picos))
        if not fits:
            return None
        with self._lock:
            self._last += 1
            self._open[self._last] = (task, prompt, completion)
            return self._last

    def settle(self, reservation: int, prompt_tokens: int, completion_tokens: int) -> float:
        """Book what the request took, give back the rest and return its money; a failed one is settled too.

        More than was reserved is booked as well: it was billed.

        Raises:
            ValueError: there is no such reservation, or it was settled before.
            ArtifactError: the journal file cannot be written; the reservation then stays booked at the most.
        """
        with self._lock:
            if reservation not in self._open:
                raise ValueError(f"reservation {reservation} is not open")
            task, most_prompt, most_completion = self._open.pop(reservation)
        prompt, completion = _bound(prompt_tokens), _bound(completion_tokens)
        picos = self._price.count_picos(prompt, completion)
        less = self._price.count_picos(most_prompt, most_completion)
        change = (0, prompt - most_prompt, completion - most_completion, picos - less)
        with self._file.write() as connection:
            connection.execute(BOOK, (self._run, self._stage, task, *change))
        return picos / PICO

    def spent(self) -> Spending:
        """Return what the run has spent in all its stages and processes."""
        with self._file.read() as connection:
            requests, prompts, completions, picos = connection.execute(SPENT, (self._run,)).fetchone()
        return Spending(requests, prompts, completions, picos, self._budget)


def _bound(tokens: int) -> int:
    return min(max(int(tokens), 0), MOST)


def _fits(total: int, ceiling: int | None) -> bool:
    return ceiling is None or total <= ceiling


def _ceiling(limit: int | None) -> str:
    return "" if limit is None else f" of {limit}"
