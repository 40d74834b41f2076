"""The embedded tag model: keyphrases and sentence embeddings, no key, no network, no language model."""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tagflow.clues.conversion import has_text
from tagflow.clues.hashtags import split_hashtag
from tagflow.confidence.features import FEATURES
from tagflow.confidence.model import describe_prior_model, is_fitted, judge_pairs
from tagflow.confidence.staleness import digest_frame, digest_rows
from tagflow.errors import ConfigError
from tagflow.ports import Encoder, Engine, Segment
from tagflow.schemas import CANDIDATE_TAGS
from tagflow.tagmodels.ledger import CUTS, FAILURES, RUNGS
from tagflow.tagset.keyphrases import find_phrases, load_stop_words

RECIPE = "keyphrases-3"
"""Changes whenever the way of proposing changes, so that old proposals are made anew."""

BATCH = 512  # ours: contents whose phrases are embedded together
WEIGHT_SHARE = 0.05  # ours: what a doubled phrase weight is worth, in cosine

FindSegmenter = Callable[[str], Segment | None]

PROPOSAL = CANDIDATE_TAGS.tables["candidate_tags"].dtypes


class EmbeddedTagModel:
    """Proposes keyphrases near the content's vector; selects and judges by recall features."""

    def __init__(
        self,
        encoder: Encoder,
        phrase_encoder: Encoder,
        engine: Engine,
        confidence: pl.DataFrame,
        *,
        proposals: int,
        find_segmenter: FindSegmenter = lambda language: None,
    ) -> None:
        """Keep the parts.

        Args:
            encoder: encoder of contents (may remember vectors).
            phrase_encoder: encoder of the same space for phrases, of which most are seen once.
            engine: runs the batches.
            confidence: ``confidence_model`` to judge by.
            proposals: most tags proposed for a content.
            find_segmenter: gives the word segmenter of a language; None where its words are spaced.
        """
        if encoder.fingerprint != phrase_encoder.fingerprint:
            raise ValueError("contents and phrases must be embedded in one space")
        self._encoder, self._phrase_encoder, self._engine = encoder, phrase_encoder, engine
        self._confidence, self._proposals, self._find_segmenter = confidence, proposals, find_segmenter

    @property
    def name(self) -> str:
        """Short name for people."""
        return "embedded"

    @property
    def calibrated(self) -> bool:
        """Whether the confidence model was learned from annotations."""
        return is_fitted(self._confidence)

    @property
    def proposer(self) -> str:
        """Hash of recipe, encoder and number of proposals."""
        said = f"{RECIPE}|{self._encoder.fingerprint}|{self._proposals}"
        return hashlib.blake2b(said.encode(), digest_size=8).hexdigest()

    def propose(self, contents: pl.DataFrame) -> pl.DataFrame:
        """Propose the keyphrases nearest to each content; half of them single words, so that tags recur.

        A phrase's score is its cosine to the content plus a little for its weight (see ``find_phrases``), clipped to
        [0, 1]; best first, ties by phrase. ``votes`` is 1: the model is deterministic. Source: KeyBERT's idea, with
        field weights and a quota of ours.
        """
        spoken = contents.filter(has_text())
        vectors = self._encoder.encode(spoken["text"].to_list())
        slices = [slice(start, start + BATCH) for start in range(0, len(spoken), BATCH)]
        parts = self._engine.map(lambda part: self._propose_batch(spoken[part], vectors[part]), slices)
        return pl.concat([pl.DataFrame(schema=PROPOSAL), *parts])

    @property
    def failures(self) -> pl.DataFrame:
        """None: it always answers."""
        return pl.DataFrame(schema=FAILURES)

    @property
    def rungs(self) -> pl.DataFrame:
        """None: the confidence model is no ladder."""
        return pl.DataFrame(schema=RUNGS)

    @property
    def cuts(self) -> pl.DataFrame:
        """None: it asks nothing."""
        return pl.DataFrame(schema=CUTS)

    @property
    def counts(self) -> dict[str, int]:
        """Nothing: it reads no answers."""
        return {}

    def vary(self, *, samples: bool, passages: bool, model: str | None) -> "EmbeddedTagModel":
        """Return it judging by the prior model where ``samples`` is off; it reads no passages when it judges.

        Raises:
            ConfigError: a language model is named.
        """
        if model is not None:
            raise ConfigError(f"The language model {model!r} is named, and the brain is embedded: set brain to llm.")
        return EmbeddedTagModel(
            self._encoder,
            self._phrase_encoder,
            self._engine,
            self._confidence if samples else describe_prior_model(),
            proposals=self._proposals,
            find_segmenter=self._find_segmenter,
        )

    @property
    def manner(self) -> dict[str, str]:
        """The confidence model that it judges by."""
        return {"model": digest_frame(self._confidence), "prompts": "", "settings": ""}

    def look_up(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
        """Return a digest of the recall features of each content's pairs: all that it judges by."""
        seen = digest_rows(pairs.select("content_id", "tag_id", *FEATURES, "annotated"), "content_id")
        placed = contents.select("content_id").join(seen, on="content_id", how="left")
        return placed.with_columns(pl.col("told").fill_null(""), candidates=pl.lit([], pl.List(pl.String)))

    def select(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
        """Keep every pair, with the probability of the prior model without history as ``choice``."""
        return pairs.with_columns(
            choice=pl.Series(judge_pairs(describe_prior_model(), pairs.with_columns(annotated=pl.lit(False))))
        )

    def rerank(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
        """Return the pairs: their ``choice`` is an order."""
        return pairs

    def judge(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> NDArray[np.float64]:
        """Return the confidence model's probability for each pair."""
        return judge_pairs(self._confidence, pairs)

    def calibrate(self, judged: NDArray[np.float64], rungs: Sequence[str | None]) -> NDArray[np.float64]:
        """Return what was judged: the confidence model is calibrated itself."""
        return judged

    @property
    def calibrated_rungs(self) -> frozenset[str]:
        """None: it has no ladder."""
        return frozenset()

    def _propose_batch(self, contents: pl.DataFrame, vectors: NDArray[np.float32]) -> pl.DataFrame:
        phrases = _find_batch_phrases(contents, self._find_segmenter)
        distinct = phrases["key"].unique(maintain_order=True)
        rows = pl.DataFrame({"key": distinct}).with_row_index("row").cast({"row": pl.Int64})
        phrase_vectors = self._phrase_encoder.encode(distinct.to_list())
        placed = phrases.join(rows, on="key", maintain_order="left")
        cosine = np.einsum("ij,ij->i", vectors[placed["content"].to_numpy()], phrase_vectors[placed["row"].to_numpy()])
        single = pl.col("words") == 1
        return (
            placed.with_columns(
                score=(pl.Series(cosine.astype(np.float64)) + WEIGHT_SHARE * pl.col("weight").log(2)).clip(0, 1)
            )
            .sort("content", -pl.col("score"), "key")
            .with_columns(order=pl.int_range(pl.len()).over("content", single))
            .filter(pl.col("order") < pl.when(single).then((self._proposals + 1) // 2).otherwise(self._proposals // 2))
            .select(
                "content_id",
                tag="spelling",
                votes=pl.lit(1, pl.Int64),
                score="score",
            )
            .cast(PROPOSAL)
        )


def _find_batch_phrases(contents: pl.DataFrame, find_segmenter: FindSegmenter) -> pl.DataFrame:
    split = contents.select(hashtags=pl.col("hashtags").list.eval(split_hashtag(pl.element()))).to_series()
    rows = []
    for number, (content_id, clues, language, hashtags) in enumerate(
        zip(contents["content_id"], contents["clues"], contents["language"], split, strict=True)
    ):
        pairs = [(clue["field"], clue["text"]) for clue in clues]
        for phrase in find_phrases(pairs, hashtags, load_stop_words(language), find_segmenter(language)):
            rows.append((number, content_id, *phrase))
    schema = {
        "content": pl.Int64,
        "content_id": pl.String,
        "key": pl.String,
        "spelling": pl.String,
        "words": pl.Int64,
        "weight": pl.Float64,
        "times": pl.Int64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")
