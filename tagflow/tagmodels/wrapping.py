"""A tag model that wraps another one and passes everything on; what it does itself stands in its subclasses."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tagflow.ports import TagModel


class WrappedTagModel:
    """Asks the wrapped tag model."""

    def __init__(self, model: TagModel) -> None:
        """Wrap the model."""
        self._model = model

    @property
    def name(self) -> str:
        """The wrapped model's name."""
        return self._model.name

    @property
    def calibrated(self) -> bool:
        """Whether the wrapped model's judgements were learned."""
        return self._model.calibrated

    @property
    def proposer(self) -> str:
        """The wrapped model's fingerprint."""
        return self._model.proposer

    def propose(self, contents: pl.DataFrame) -> pl.DataFrame:
        """Ask the wrapped model."""
        return self._model.propose(contents)

    @property
    def failures(self) -> pl.DataFrame:
        """The wrapped model's failures."""
        return self._model.failures

    @property
    def rungs(self) -> pl.DataFrame:
        """The wrapped model's rungs."""
        return self._model.rungs

    @property
    def cuts(self) -> pl.DataFrame:
        """The wrapped model's cuts."""
        return self._model.cuts

    @property
    def counts(self) -> dict[str, int]:
        """The wrapped model's counts."""
        return self._model.counts

    def vary(self, *, samples: bool, passages: bool, model: str | None) -> TagModel:
        """Return the wrapped model without parts, unwrapped."""
        return self._model.vary(samples=samples, passages=passages, model=model)

    @property
    def manner(self) -> dict[str, str]:
        """The wrapped model's manner."""
        return self._model.manner

    def look_up(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
        """Ask the wrapped model what it would be told."""
        return self._model.look_up(pairs, contents)

    def select(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
        """Ask the wrapped model."""
        return self._model.select(pairs, contents)

    def rerank(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
        """Ask the wrapped model."""
        return self._model.rerank(pairs, contents)

    def judge(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> NDArray[np.float64]:
        """Ask the wrapped model."""
        return self._model.judge(pairs, contents)

    def calibrate(self, judged: NDArray[np.float64], rungs: Sequence[str | None]) -> NDArray[np.float64]:
        """Ask the wrapped model."""
        return self._model.calibrate(judged, rungs)

    @property
    def calibrated_rungs(self) -> frozenset[str]:
        """The wrapped model's calibrated rungs."""
        return self._model.calibrated_rungs
