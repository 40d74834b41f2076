"""The weightless encoder: the character n-grams of a dataset, counted once and frozen until the next refresh."""

import hashlib
from collections.abc import Sequence

import numpy as np

from tagflow.graph.ngram_space import DIMENSION, WAY, embed_ngrams, weigh_ngrams
from tagflow.ports import Engine, Progress, Vectors
from tagflow.settings import NGRAMS
from tagflow.tables import Tables

CHUNK = 8192  # ours: texts handed to the engine at once


class NgramEncoder:
    """Encodes with the counts of a ``fitted_encoder``.

    Attributes:
        encoded: texts embedded since this object was made.
        unusable: 0: sums of counts are finite.
    """

    def __init__(self, fitted: Tables, language: str, engine: Engine, progress: Progress) -> None:
        """Take the counts.

        Args:
            fitted: the ``fitted_encoder`` artifact.
            language: of the texts; decides how they are cut.
            engine: runs the chunks.
            progress: told of each chunk.
        """
        (texts,) = fitted["fit"]["texts"]
        self._weights = weigh_ngrams(fitted["fitted_encoder"], texts)
        self._language, self._engine, self._progress = language, engine, progress
        said = f"{NGRAMS}|{WAY}|{language}|".encode() + self._weights.tobytes()
        self._fingerprint = hashlib.blake2b(said, digest_size=8).hexdigest()
        self.encoded = self.unusable = 0

    @property
    def fingerprint(self) -> str:
        """Hash of the way of encoding, the language and the weight of every n-gram."""
        return self._fingerprint

    @property
    def dimension(self) -> int:
        """Number of components of a vector."""
        return DIMENSION

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors in the order given; a text without a letter or digit gives zeros."""
        self.encoded += len(texts)
        chunks = [texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK)]
        followed = self._progress.follow(chunks, "embedding texts", len(texts), len)
        parts = list(self._engine.map(lambda chunk: embed_ngrams(chunk, self._language, self._weights), followed))
        return np.concatenate(parts) if parts else np.zeros((0, DIMENSION), np.float32)
