"""The pools of candidate tags that a cold start chooses from: ours, and those of keyphrase extractors."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import polars as pl

from tagflow.adapters.local_engine import LocalEngine
from tagflow.confidence.model import describe_prior_model
from tagflow.ports import Encoder
from tagflow.settings import VocabularySettings
from tagflow.tagmodels.embedded import EmbeddedTagModel

if TYPE_CHECKING:
    import numpy as np

MOST = VocabularySettings().proposals
"""Proposals for a content; every pool has as many."""

WORDS = 3
"""Words of a phrase, as in ours."""

Pool = Callable[[pl.DataFrame, Encoder], pl.DataFrame]
"""Contents (raw_clues columns) and the encoder in, content_id and tag out."""


def propose_ours(contents: pl.DataFrame, encoder: Encoder) -> pl.DataFrame:
    """What the embedded tag model proposes."""
    model = EmbeddedTagModel(encoder, encoder, LocalEngine(), describe_prior_model(), proposals=MOST)
    return model.propose(contents).select("content_id", "tag")


def propose_yake(contents: pl.DataFrame, encoder: Encoder) -> pl.DataFrame:
    """YAKE with its defaults: phrases of at most three words, near-duplicates of a content left out."""
    import yake

    extractor = yake.KeywordExtractor(lan="en", n=WORDS, top=MOST)
    return _list_pool(contents, [[word for word, _ in extractor.extract_keywords(text)] for text in contents["text"]])


def propose_keybert_words(contents: pl.DataFrame, encoder: Encoder) -> pl.DataFrame:
    """KeyBERT with its defaults: single words."""
    return _propose_keybert(contents, encoder, 1)


def propose_keybert_phrases(contents: pl.DataFrame, encoder: Encoder) -> pl.DataFrame:
    """KeyBERT with phrases of at most three words; it embeds every one of them, so it takes by far the longest."""
    return _propose_keybert(contents, encoder, WORDS)


POOLS: dict[str, tuple[Pool, str]] = {
    "tagflow": (propose_ours, "tagflow"),
    "YAKE": (propose_yake, "yake"),
    "KeyBERT, words": (propose_keybert_words, "keybert"),
    "KeyBERT, phrases": (propose_keybert_phrases, "keybert"),
}
"""Name: what proposes, and the package that it needs."""


def _propose_keybert(contents: pl.DataFrame, encoder: Encoder, words: int) -> pl.DataFrame:
    from keybert import KeyBERT
    from keybert.backend import BaseEmbedder

    class Backend(BaseEmbedder):  # type: ignore[misc]
        def embed(self, documents: Any, verbose: bool = False) -> "np.ndarray":
            return encoder.encode([str(document) for document in documents])

    found = KeyBERT(model=Backend()).extract_keywords(
        contents["text"].to_list(), keyphrase_ngram_range=(1, words), top_n=MOST
    )
    return _list_pool(contents, [[word for word, _ in one] for one in found])


def _list_pool(contents: pl.DataFrame, found: list[list[str]]) -> pl.DataFrame:
    pool = contents.select("content_id", tag=pl.Series(found, dtype=pl.List(pl.String)))
    return pool.explode("tag").drop_nulls()
