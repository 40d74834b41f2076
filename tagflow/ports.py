"""The narrow Protocols between the algorithms and the outside; adapters implement them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tagflow.calls import Answer, Call, Capabilities

Vectors = NDArray[np.float32]
"""Row vectors of shape (n, d), float32, each of length 1 or all zero."""

B = TypeVar("B")
R = TypeVar("R")


class IntegerProduct(Protocol):
    """Multiplies tables of bytes without any rounding."""

    def __call__(
        self, rows: NDArray[np.int8], others: NDArray[np.int8], out: NDArray[np.int32] | None = None
    ) -> NDArray[np.int32]:
        """Return the products of all rows, (n, k) and (m, k), as (n, m).

        They are written to ``out`` if it is given, else to memory that the next call uses again.
        """


FindProduct = Callable[[int], IntegerProduct | None]
"""Returns the product worth taking to compare so many vectors with each other, if there is one."""

Segment = Callable[[str], list[str]]
"""Splits a run of letters without spaces into words; the words put together are the run."""


class Encoder(Protocol):
    """Turns texts into vectors of one space."""

    @property
    def fingerprint(self) -> str:
        """Identity of the vector space: weights, tokenizer, pooling, chunking and precision."""

    @property
    def dimension(self) -> int:
        """Number of components of a vector."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors of shape (len(texts), dimension) in the order given.

        A blank text gives zeros, and so does one that the model has no finite vector for.

        Raises:
            ModelError: the model gives many vectors that are not finite.
        """


class Neighbours(Protocol):
    """Finds the nearest of a fixed set of vectors."""

    def search(self, queries: Vectors, k: int) -> tuple[NDArray[np.int64], Vectors]:
        """Return indices and cosines of shape (len(queries), min(k, size)), nearest first, ties by lower index."""


class Engine(Protocol):
    """Runs a function over batches; the one way batches of model work are run."""

    def map(self, function: Callable[[B], R], batches: Iterable[B]) -> Iterator[R]:
        """Yield the results in the order of the batches."""


class Progress(Protocol):
    """Tells a person how far a long piece of work is."""

    def say(self, line: str) -> None:
        """Tell one line."""

    def follow(self, batches: Iterable[B], what: str, total: int, size: Callable[[B], int]) -> Iterator[B]:
        """Yield the batches, reporting counts, rate and time left; ``total`` counts what ``size`` returns."""


class TagModel(Protocol):
    """One seam for every brain: proposes, selects and judges in batches."""

    @property
    def name(self) -> str:
        """Short name for people."""

    @property
    def calibrated(self) -> bool:
        """Whether what it judges was learned from answers; if not, its numbers are mere scores."""

    @property
    def proposer(self) -> str:
        """Fingerprint of everything that decides what is proposed for a content."""

    def propose(self, contents: pl.DataFrame) -> pl.DataFrame:
        """Propose tags for contents (raw_clues columns); returns content_id, tag, votes, score, best first."""

    @property
    def failures(self) -> pl.DataFrame:
        """Contents without an answer, as it stands now: content_id, task, outcome (``calls``), reason, requests."""

    @property
    def rungs(self) -> pl.DataFrame:
        """What gave judged pairs their numbers: content_id, tag_id, rung (null: nothing could), mass."""

    @property
    def cuts(self) -> pl.DataFrame:
        """What of a content was left out of a question: content_id, task, field, kept and total characters."""

    @property
    def counts(self) -> dict[str, int]:
        """How answers were read and what was left out of them, for a run's metadata."""

    def vary(self, *, samples: bool, passages: bool, model: str | None) -> "TagModel":
        """Return the brain without parts, for ablations; what becomes of its questions stands in this one's books.

        Args:
            samples: whether it is told, or was taught by, annotated contents.
            passages: whether it is told what tags stand for.
            model: a tuned language model in the place of its own, by name.

        Raises:
            ConfigError: it is no language model, and one is named.
        """

    @property
    def manner(self) -> dict[str, str]:
        """What every selection and judgement depends on besides content and pairs: digests by model, prompts, settings.

        What it is told of a content's candidates is no part of it (see ``look_up``).
        """

    def look_up(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
        """Return what the answers about contents depend on besides them and the ``manner``, asking nobody.

        Args:
            pairs: those that would be selected among.
            contents: ``raw_clues`` columns.

        Returns:
            content_id, candidates (ids of the tags it would choose among, sorted; or none, if ``told`` says them) and
            told (digest of what it would be told of them), for each content, in any order.
        """

    def select(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
        """Keep the pairs that fit their contents (raw_clues columns).

        ``pairs`` has recall features; the result adds ``choice`` in [0, 1].
        """

    def rerank(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
        """Put the pairs that ``select`` kept into order: ``choice`` falls with the place; pairs left out are dropped.

        A brain that selects by its own order returns them as they are.
        """

    def judge(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> NDArray[np.float64]:
        """Return for each pair with recall features how sure the brain is of the tag; NaN: nothing could tell.

        ``contents`` (raw_clues columns) holds every content of the pairs. Of a language model it is the model's own
        number, which ``calibrate`` makes a probability that holds.
        """

    def calibrate(self, judged: NDArray[np.float64], rungs: Sequence[str | None]) -> NDArray[np.float64]:
        """Return the probabilities for what ``judge`` gave, by the rungs that gave it; the same where none is known."""

    @property
    def calibrated_rungs(self) -> frozenset[str]:
        """The rungs of a language model whose numbers were compared with labels."""


class LanguageModel(Protocol):
    """One model behind one endpoint."""

    @property
    def name(self) -> str:
        """The model's name as the deployment gives it."""

    @property
    def fingerprint(self) -> str:
        """Identity of endpoint and model, without the key."""

    @property
    def capabilities(self) -> Capabilities:
        """What the endpoint was seen to do; probed when first asked for.

        Raises:
            ModelError: the endpoint refuses everything (key, model, quota); one sentence says which.
        """

    def answer(self, calls: Sequence[Call]) -> list[Answer]:
        """Return what came of each call, in order; what the journal holds is not asked again.

        Raises:
            ModelError: the endpoint refuses everything. What was answered before is in the journal.
        """

    def is_kept(self, calls: Sequence[Call]) -> list[bool]:
        """Return for each call whether its answer is kept, so that it would cost nothing."""

    def discard(self, calls: Sequence[Call]) -> None:
        """Drop the kept answers of calls that came to nothing, so that they are asked anew when they come again."""


class Journal(Protocol):
    """Keeps paid answers; any thread may use it."""

    def find(self, keys: Sequence[str]) -> dict[str, Answer]:
        """Return the answers that are kept, by key, marked as stored."""

    def keep(self, key: str, call: Call, answer: Answer) -> None:
        """Keep a successful answer; when this returns it survives a kill."""

    def discard(self, keys: Sequence[str]) -> None:
        """Drop answers that turned out to be of no use; what they cost stays in the accounts."""

    def use(self, uses: Sequence[tuple[str, Call]]) -> None:
        """Note the calls that kept answers served, by key, so that accounts and purges know of them."""


class Meter(Protocol):
    """Counts what is spent and holds it within the budget; any thread may use it."""

    def reserve(self, task: str, prompt_tokens: int, completion_tokens: int) -> int | None:
        """Set aside the most that one request may cost and return the reservation's number, or None: no budget left."""

    def settle(self, reservation: int, prompt_tokens: int, completion_tokens: int) -> float:
        """Book what the request took, give back the rest and return its money."""


class Manifest(Protocol):
    """Writes down what leaves the machine; any thread may use it."""

    def record(self, host: str, call: Call, sent_bytes: int) -> None:
        """Count one request: host, task, fields, record and bytes."""
