"""A tag model that answers from what was answered before, as long as nothing has changed that it depended on."""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tagflow.confidence.staleness import ANSWERS, BASIS, count_reasons, digest, find_stale
from tagflow.knowledge.corrections import PAIR
from tagflow.ports import TagModel
from tagflow.tagmodels.ledger import RUNGS
from tagflow.tagmodels.wrapping import WrappedTagModel


class Standing(NamedTuple):
    """What was answered before, and what holds for all of a dataset now.

    Attributes:
        basis: ``tagged_output.basis`` as it stands.
        answers: content_id, tag_id, choice, confidence, rung of what was selected.
        corrected: ids of contents whose answers are not the model's own.
        encoder: fingerprint of the encoder.
        vocabulary: version of the tag set.
        method: tagging method with its settings.
        keeps: whether the answers of now are kept for the next time; one that costs nothing is given again.
    """

    basis: pl.DataFrame
    answers: pl.DataFrame
    corrected: pl.Series
    encoder: str
    vocabulary: str
    method: str
    keeps: bool = True


class _Books:
    """What became of the contents since the outermost object was made, shared by its variants."""

    def __init__(self) -> None:
        self.basis, self.answers = BASIS.empty().drop("state", "samples"), ANSWERS.empty()
        self.told = pl.DataFrame(schema={"content_id": pl.String, "reason": pl.String})


class ReusingTagModel(WrappedTagModel):
    """Wraps a tag model: it selects and judges for the contents whose stored answer is stale, and for no other.

    A content is put to ``select`` before it is put to ``judge``. Everything but the model's own word (choice and
    confidence) is made of what holds now, so that the rows are those that asking again would give.
    """

    def __init__(
        self, model: TagModel, standing: Standing, books: _Books | None = None, *, only_note: bool = False
    ) -> None:
        """Wrap the model; to ``only_note`` what is stale is to ask about everything all the same."""
        super().__init__(model)
        self._standing, self._books = standing, books or _Books()
        self._only_note = only_note

    @property
    def stale(self) -> pl.DataFrame:
        """content_id and reason of each content so far; a null reason: its stored answer stood."""
        return self._books.told

    @property
    def reasons(self) -> dict[str, int]:
        """How many contents were stale for which reason, the commonest first."""
        return count_reasons(self.stale)

    @property
    def standing(self) -> int:
        """How many contents had an answer that stood."""
        return self.stale["reason"].null_count()

    @property
    def spared(self) -> int:
        """How many contents the wrapped model was not asked about, as their answer stood."""
        return 0 if self._only_note else self.standing

    @property
    def basis(self) -> pl.DataFrame:
        """``tagged_output.basis`` without samples and state, of the contents that have an answer."""
        return self._books.basis.join(self.failures, on="content_id", how="anti", maintain_order="left")

    @property
    def answers(self) -> pl.DataFrame:
        """``tagged_output.answers`` of these contents."""
        return self._books.answers.join(self.basis, on="content_id", how="semi", maintain_order="left")

    @property
    def manner(self) -> dict[str, str]:
        """The wrapped model's manner, with the tagging method among the settings."""
        own = self._model.manner
        return own | {"settings": digest(self._standing.method, own["settings"])}

    @property
    def rungs(self) -> pl.DataFrame:
        """The wrapped model's rungs, and those of the answers that stood."""
        kept = self._books.answers.join(self._list_standing(), on="content_id", how="semi")
        told = kept.drop_nulls("rung").select("content_id", "tag_id", "rung", mass=pl.lit(None, pl.Float64))
        return pl.concat([self._model.rungs.select(list(RUNGS)), told.select(list(RUNGS)).cast(RUNGS)])

    def vary(self, *, samples: bool, passages: bool, model: str | None) -> "ReusingTagModel":
        """Return the wrapped model without parts, before it the answers given without them; the books are shared."""
        varied = self._model.vary(samples=samples, passages=passages, model=model)
        return ReusingTagModel(varied, self._standing, self._books, only_note=self._only_note)

    def select(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
        """Keep the pairs that were chosen before where that stands, and ask about the other contents."""
        self._note(pairs, contents)
        standing = self._list_standing()
        stale = contents.join(standing, on="content_id", how="anti", maintain_order="left")
        fresh = contents.join(standing, on="content_id", how="semi")
        kept = self._standing.answers.join(fresh, on="content_id", how="semi")
        served = pairs.join(kept.select(*PAIR, "choice"), on=PAIR, maintain_order="left")
        asked = pairs.join(stale, on="content_id", how="semi", maintain_order="left")
        chosen = self._model.select(asked, stale) if len(stale) else served.clear()
        columns = [*PAIR, "choice"]
        new = chosen.select(columns).with_columns(confidence=pl.lit(None, pl.Float64), rung=pl.lit(None, pl.String))
        self._keep(pl.concat([kept.join(served, on=PAIR, how="semi"), new.select(kept.columns)]), ["content_id"])
        return pl.concat([served, chosen.select(served.columns)])

    def rerank(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
        """Return the pairs whose answer stands in the order they had, and ask about the other contents."""
        stands = self._list_standing()
        served = pairs.join(stands, on="content_id", how="semi", maintain_order="left")
        asked = pairs.join(stands, on="content_id", how="anti", maintain_order="left")
        if asked.is_empty():
            return served
        told = contents.join(asked, on="content_id", how="semi", maintain_order="left")
        ordered = self._model.rerank(asked, told)
        unsaid = {"confidence": pl.lit(None, pl.Float64), "rung": pl.lit(None, pl.String)}
        left_out = told.select("content_id")
        self._books.answers = self._books.answers.join(left_out, on="content_id", how="anti", maintain_order="left")
        self._keep(ordered.select(*PAIR, "choice").with_columns(**unsaid), ["content_id"])
        return pl.concat([served, ordered.select(served.columns)])

    def judge(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> NDArray[np.float64]:
        """Return the numbers that were given before where they stand, and ask about the other contents."""
        standing = self._list_standing()
        stands = pairs["content_id"].is_in(standing["content_id"].implode())
        stored = pairs.select(PAIR).join(self._standing.answers, on=PAIR, how="left", maintain_order="left")
        judged = stored["confidence"].fill_null(float("nan")).to_numpy().copy()
        if not stands.all():
            asked = pairs.filter(~stands)
            rows = np.flatnonzero(~stands.to_numpy())
            judged[rows] = self._model.judge(
                asked, contents.join(asked, on="content_id", how="semi", maintain_order="left")
            )
            rungs = self._model.rungs.select(*PAIR, "rung")
            said = asked.select(*PAIR, "choice").with_columns(confidence=pl.Series(judged[rows]).fill_nan(None))
            self._keep(said.join(rungs, on=PAIR, how="left", maintain_order="left"), PAIR)
        return judged

    def _note(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> None:
        """Write down what the answers depend on, and which stored ones are stale."""
        wide = {"encoder": self._standing.encoder, "vocabulary": self._standing.vocabulary, **self.manner}
        hashed = contents.select("content_id", "content_hash")
        looked = self.look_up(pairs, contents)
        basis = hashed.join(looked, on="content_id", maintain_order="left").with_columns(
            pl.lit(said).alias(part) for part, said in wide.items()
        )
        basis = basis.select(self._books.basis.columns)
        told = find_stale(basis, self._standing.basis, self._standing.corrected)
        self._books.basis = _renew(self._books.basis, basis, ["content_id"])
        self._books.told = _renew(self._books.told, told, ["content_id"])

    def _list_standing(self) -> pl.DataFrame:
        if self._only_note:
            return self.stale.select("content_id").clear()
        return self.stale.filter(pl.col("reason").is_null()).select("content_id")

    def _keep(self, answers: pl.DataFrame, key: list[str]) -> None:
        if self._standing.keeps:
            self._books.answers = _renew(self._books.answers, ANSWERS.shape(answers), key)


def _renew(known: pl.DataFrame, new: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    return pl.concat([known.join(new, on=key, how="anti", maintain_order="left"), new])
