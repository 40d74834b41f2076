"""Figures of a plan: what rehearsed calls come to in requests, tokens and money, expected and at most."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import polars as pl

from tagflow.adapters.journal_file import NAME, JournalFile
from tagflow.adapters.money import PICO, Budget, Price
from tagflow.adapters.rehearsal import RehearsedModel
from tagflow.adapters.response_journal import ResponseJournal
from tagflow.adapters.run_register import list_runs
from tagflow.settings import DatasetSettings

CHOSEN = 5.0  # ours: candidates that a model chooses for a content, and so are judged, where no run said how many
PROBE = {"requests": 5, "requests_most": 6, "prompt_tokens": 200, "completion_tokens": 130}
"""Of the probe of an endpoint that was never asked: ours, counted from its questions."""

COUNTS = ("calls", "requests", "prompt_tokens", "completion_tokens")
PLAN = pl.Schema(
    {
        "asset": pl.String(),
        "task": pl.String(),
        "exact": pl.Boolean(),
        "kept": pl.Int64(),
        **{name: pl.Int64() for count in COUNTS for name in (count, f"{count}_most")},
        "money": pl.Float64(),
        "money_most": pl.Float64(),
    }
)
"""``kept``: calls that kept answers serve, for nothing; the others expected and at most: where ``exact``, as many calls
one way as the other. Tokens are estimates; money is null without a price."""


@dataclass(frozen=True)
class History:
    """What earlier runs of the dataset say about the answers.

    Attributes:
        chosen: pairs judged for a content; None: no run said.
        tokens: tokens of the answer to one request, by task.
    """

    chosen: float | None = None
    tokens: dict[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, file: JournalFile | None, runs: pl.DataFrame | None) -> Self:
        """Return what the accounts of these runs say; nothing without them."""
        if file is None or runs is None:
            return cls()
        costs = ResponseJournal(file).costs().join(runs, on="run", how="semi")
        paid = costs.filter(pl.col("calls") > 0).group_by("task").agg(pl.sum("completion_tokens", "requests"))
        tokens = {task: used / requests for task, used, requests in paid.rows() if requests}
        served = costs.filter(pl.col("stage") == "tagged_output").group_by("task")
        answered = dict(served.agg(pl.sum("calls") + pl.sum("stored")).rows())
        asked = answered.get("select", 0)
        return cls(answered.get("judge", 0) / asked if asked else None, tokens)


@contextmanager
def open_history(data: Path, name: str) -> Iterator[tuple[ResponseJournal | None, History]]:
    """Yield the answers there are (None where nothing was ever asked), and what the dataset's runs say of theirs.

    Args:
        data: the data folder.
        name: the dataset.
    """
    path = data / "warehouse" / NAME
    file = JournalFile(path) if path.is_file() else None
    try:
        history = History.read(file, list_runs(file, name) if file else None)
        yield ResponseJournal(file) if file else None, history
    finally:
        if file is not None:
            file.close()


def draw_up(
    model: RehearsedModel, settings: DatasetSettings, price: Price | None, history: History, *, steady: bool
) -> pl.DataFrame:
    """Return the ``PLAN`` of what was rehearsed, by asset and task in the order of the run.

    Args:
        model: with its calls counted.
        settings: of the dataset.
        price: of its tokens.
        history: of earlier runs.
        steady: whether tag set and graph will stand; if not, at most every selection and judgement is asked again.
    """
    chosen = 1.0 if settings.task == "single" else CHOSEN if history.chosen is None else history.chosen
    known = pl.Series("used", [history.tokens.get(task) for task in model.calls["task"]], dtype=pl.Float64)
    again = pl.lit(not steady) & pl.col("task").is_in(("select", "rerank", "judge"))
    expected = (
        pl.when("kept").then(0.0).when("sure").then(pl.col("times")).otherwise(pl.min_horizontal("times", chosen))
    )
    most = pl.when(pl.col("kept") & ~again).then(0).otherwise("times")
    used = pl.min_horizontal(
        "completion_tokens", (pl.col("used") * pl.col("requests")).fill_null(pl.col("completion_tokens"))
    )
    lines = (
        model.calls.with_columns(known, expected=expected, most=most, again=again)
        .group_by("stage", "task", maintain_order=True)
        .agg(
            (pl.col("sure") & ~pl.col("again")).all().alias("exact"),
            pl.col("kept").sum().cast(pl.Int64),
            calls=pl.col("expected").sum(),
            calls_most=pl.col("most").sum(),
            requests=(pl.col("expected") * pl.col("requests")).sum(),
            requests_most=(pl.col("most") * pl.col("requests")).sum(),
            prompt_tokens=(pl.col("expected") * pl.col("prompt_tokens")).sum(),
            prompt_tokens_most=(pl.col("most") * pl.col("prompt_tokens")).sum(),
            completion_tokens=(pl.col("expected") * used).sum(),
            completion_tokens_most=(pl.col("most") * pl.col("completion_tokens")).sum(),
        )
        .rename({"stage": "asset"})
    )
    whole = lines.with_columns(pl.col(name).cast(pl.Float64).ceil().cast(pl.Int64) for name in lines.columns[4:])
    if not model.probed and whole["calls"].sum():
        whole = pl.concat([_probe(whole.filter(pl.col("calls") > 0)["asset"][0], whole), whole])
    return _price(whole, price).select(list(PLAN)).cast(PLAN)


def _probe(asset: str, lines: pl.DataFrame) -> pl.DataFrame:
    said = {"asset": asset, "task": "probe", "exact": True, "kept": 0, **PROBE}
    said |= {"calls": said["requests"], "calls_most": said["requests_most"]}
    said |= {f"{name}_most": said[name] for name in ("prompt_tokens", "completion_tokens")}
    return pl.DataFrame([said], schema=lines.schema)


def _price(lines: pl.DataFrame, price: Price | None) -> pl.DataFrame:
    if price is None:
        return lines.with_columns(money=pl.lit(None, pl.Float64), money_most=pl.lit(None, pl.Float64))
    picos = {
        f"money{end}": pl.col(f"prompt_tokens{end}") * price.prompt
        + pl.col(f"completion_tokens{end}") * price.completion
        for end in ("", "_most")
    }
    return lines.with_columns(**{name: value / PICO for name, value in picos.items()})


@dataclass(frozen=True)
class Fit:
    """How a plan stands to one limit of the budget.

    Attributes:
        limit: requests, tokens or the currency.
        budget: what a run may take.
        expected: what the plan takes.
        most: what it takes at most.
    """

    limit: str
    budget: float
    expected: float
    most: float

    @property
    def verdict(self) -> str:
        """Whether it fits: yes, likely (not at most), or no."""
        return "yes" if self.most <= self.budget else "likely" if self.expected <= self.budget else "no"


def compare(lines: pl.DataFrame, budget: Budget) -> list[Fit]:
    """Return how the plan stands to each limit that the budget sets."""
    total = {name: float(lines[name].sum() or 0) for name in lines.columns[4:]}
    fits = []
    if budget.requests is not None:
        fits.append(Fit("requests", budget.requests, total["requests"], total["requests_most"]))
    if budget.tokens is not None:
        said, most = (total[f"prompt_tokens{end}"] + total[f"completion_tokens{end}"] for end in ("", "_most"))
        fits.append(Fit("tokens", budget.tokens, said, most))
    if budget.picos is not None:
        fits.append(Fit(budget.currency, budget.picos / PICO, total["money"], total["money_most"]))
    return fits
