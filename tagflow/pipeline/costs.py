"""What tagging takes: processor time, and what the language model's books say of it."""

import time
from collections.abc import Sequence
from typing import Any

import polars as pl

from tagflow.pipeline.resources import Dataset
from tagflow.schemas import EVALUATION_REPORT, TAGGED_OUTPUT
from tagflow.schemas.costs import SPENT
from tagflow.tables import Tables

METHOD_COSTS, TAGGING_COSTS = EVALUATION_REPORT.tables["method_costs"], TAGGED_OUTPUT.tables["costs"]


class Account:
    """Counts what a dataset takes from the moment it is opened."""

    def __init__(self, dataset: Dataset) -> None:
        """Open it."""
        self._dataset, self._books, self._started = dataset, _read_books(dataset), time.process_time()

    def settle(self, contents: int, unanswered: int) -> dict[str, Any]:
        """Return contents and ``SPENT``: what was taken since, for so many contents."""
        seconds = time.process_time() - self._started
        spent = {name: value - self._books.get(name, 0) for name, value in _read_books(self._dataset).items()}
        counted = {"contents": contents, **dict.fromkeys(SPENT, 0), "seconds": seconds, "money": None}
        return counted | spent | {"unanswered": unanswered}


def refuse(reason: str) -> dict[str, Any]:
    """Return contents, ``SPENT`` and not_run of a method that took nothing, as it was not run."""
    return {"contents": 0, **dict.fromkeys(SPENT, 0), "seconds": None, "money": None, "not_run": reason}


def add_costs(stored: pl.DataFrame, model: str, spent: dict[str, Any]) -> pl.DataFrame:
    """Return ``tagged_output.costs``: what is stored with what was spent now, if the same model spent it.

    Where nobody was asked, what is stored stays. A sum of money is known as far as its parts are.

    Args:
        stored: the table as it stands.
        model: name of method and tag model.
        spent: of ``Account.settle``.
    """
    if not spent["contents"]:
        return stored
    before = next((row for row in stored.to_dicts() if row["model"] == model), {})
    both = {name: _add(before.get(name), value) for name, value in spent.items()}
    return TAGGING_COSTS.shape(pl.DataFrame([both | {"model": model}], schema=TAGGING_COSTS.dtypes))


def report_costs(own: str, stored: Tables, others: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Return ``method_costs``: what tagging the dataset took its own method, then the others.

    Args:
        own: the dataset's own method.
        stored: ``tagged_output``; one of an earlier tagflow has no costs.
        others: rows of the others.
    """
    taken = stored["costs"].to_dicts() if "costs" in stored else []
    rows = [{**row, "method": own, "not_run": None} for row in taken]
    return pl.DataFrame([*rows, *others], schema=METHOD_COSTS.dtypes)


def _add(before: float | None, now: float | None) -> float | None:
    known = [value for value in (before, now) if value is not None]
    return sum(known) if known else None


def _read_books(dataset: Dataset) -> dict[str, Any]:
    """Return what the dataset's language model was asked so far in this stage of the run; nothing without one."""
    said = dataset.desk.read_books() if dataset.desk else None
    if said is None:
        return {}
    counts = {"requests": said.requests, "answers_reused": said.answers_reused}
    tokens = said.prompt_tokens + said.completion_tokens
    return {**counts, "tokens": tokens, **({} if said.money is None else {"money": said.money})}
