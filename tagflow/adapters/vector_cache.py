"""An encoder that remembers: a text is embedded once per dataset and encoder, and the counts are told."""

import hashlib
from collections.abc import Sequence

import numpy as np
import polars as pl

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.adapters.finite_vectors import silence_unusable
from tagflow.ports import Encoder, Vectors

CACHE = "vector_cache"
"""Name of the file in the dataset's warehouse folder; it can be deleted at any time."""

STORED_TOGETHER = 16_384  # ours: texts after which the vectors are stored, so that a killed run loses no more


class RememberingEncoder:
    """Wraps an encoder; vectors are kept by hash of the text, for one fingerprint at a time.

    Attributes:
        computed: distinct texts embedded since this object was made.
        reused: distinct texts whose vector was known.
        unusable: distinct texts that got zeros, because their vector was not finite.
    """

    def __init__(self, encoder: Encoder, store: DuckDBStore, dataset: str, *, keep: bool = True) -> None:
        """Wrap the encoder; the stored vectors are read at the first text, and added to if ``keep``."""
        self._encoder, self._store, self._dataset, self._keep = encoder, store, dataset, keep
        self._known: pl.DataFrame | None = None
        self.computed = self.reused = self.unusable = 0

    @property
    def fingerprint(self) -> str:
        """The wrapped encoder's fingerprint."""
        return self._encoder.fingerprint

    @property
    def dimension(self) -> int:
        """The wrapped encoder's dimension; known vectors tell it without loading the model."""
        known = self._read()
        return self._encoder.dimension if known is None else _width(known)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors in the order given; the unknown ones are computed, and stored before it returns."""
        keys = [_hash_text(text) for text in texts]
        asked = pl.DataFrame({"text": list(texts), "key": keys}, schema={"text": pl.String, "key": pl.String})
        known = self._read()
        new = asked.unique("key", maintain_order=True)
        new = new if known is None else new.join(known, on="key", how="anti", maintain_order="left")
        self.computed += len(new)
        self.reused += asked["key"].n_unique() - len(new)
        for start in range(0, len(new), STORED_TOGETHER):
            known = self._remember(new[start : start + STORED_TOGETHER])
        if known is None:
            return np.zeros((len(texts), self.dimension), np.float32)
        found = asked.select("key").join(known.select("key", "vector"), on="key", how="left", maintain_order="left")
        return np.ascontiguousarray(found["vector"].to_numpy()).reshape(len(texts), _width(known))

    def _remember(self, new: pl.DataFrame) -> pl.DataFrame:
        vectors, unusable = silence_unusable(self._encoder.encode(new["text"].to_list()), f"of {self._dataset}")
        self.unusable += unusable
        rows = new.select("key", fingerprint=pl.lit(self.fingerprint)).with_columns(
            vector=pl.Series(vectors, dtype=pl.Array(pl.Float32, vectors.shape[1]))
        )
        first = self._known is None
        self._known = rows if self._known is None else pl.concat([self._known, rows])
        if self._keep and first:  # nothing is stored, or another encoder's vectors
            self._store.write(self._dataset, CACHE, {CACHE: rows}, uncompressed=True)
        elif self._keep:  # another process may have added some meanwhile
            self._store.upsert(self._dataset, CACHE, CACHE, rows, key=["key"])
        return self._known

    def _read(self) -> pl.DataFrame | None:
        if self._known is None and self._store.exists(self._dataset, CACHE):
            stored = self._store.read(self._dataset, CACHE).filter(pl.col("fingerprint") == self.fingerprint)
            self._known = stored if len(stored) else None
        return self._known


def _width(known: pl.DataFrame) -> int:
    dtype = known.schema["vector"]
    assert isinstance(dtype, pl.Array)
    return int(dtype.shape[0])


def _hash_text(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
