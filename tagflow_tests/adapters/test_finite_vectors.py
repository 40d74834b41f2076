"""Vectors that are not finite: none is stored or searched, and a broken model is told from an odd text."""

from pathlib import Path

import numpy as np
import pytest

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.adapters.exact_neighbours import ExactNeighbours
from tagflow.adapters.finite_vectors import silence_unusable
from tagflow.adapters.hnswlib_neighbours import HnswNeighbours
from tagflow.adapters.vector_cache import CACHE, RememberingEncoder
from tagflow.errors import ModelError
from tagflow.ports import Vectors


class Sick:
    """Gives every text a random direction, and every hundredth one something that is no number."""

    fingerprint, dimension = "sick", 64

    def encode(self, texts: list[str]) -> Vectors:
        """Return the vectors; the text's number seeds its direction."""
        rows = np.array([np.random.default_rng(int(text)).normal(size=64) for text in texts], np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        for row, text in zip(rows, texts, strict=True):
            if int(text) % 100 == 0:
                row[int(text) % 64] = (np.nan, np.inf, -np.inf)[int(text) // 100 % 3]
        return rows


@pytest.mark.parametrize("kind", [ExactNeighbours, HnswNeighbours])
def test_one_vector_in_a_hundred_that_is_no_number_spoils_no_other(tmp_path: Path, kind: type) -> None:
    """Of 2,000 texts 20 have none: zeros are stored for them, and every other one still finds itself."""
    store = DuckDBStore(tmp_path)
    encoder = RememberingEncoder(Sick(), store, "toy")
    vectors = encoder.encode([str(number) for number in range(2000)])
    assert encoder.unusable == 20
    stored = np.stack(store.read("toy", CACHE)["vector"].to_numpy())
    assert np.isfinite(stored).all()
    sick = np.arange(0, 2000, 100)
    assert not vectors[sick].any()
    well = np.setdiff1d(np.arange(2000), sick)
    found = kind(vectors).search(vectors[well], 1)[0][:, 0]
    assert (found == well).mean() >= 0.99


@pytest.mark.parametrize("bad", [5, 10])
def test_a_model_that_fails_on_half_of_the_texts_is_called_broken(bad: int) -> None:
    """Fewer are the texts' own fault; the sentence counts and names the model."""
    vectors = np.ones((10, 2), np.float32)
    vectors[:bad, 1] = np.nan
    with pytest.raises(ModelError, match=f"^The encoder some gave {bad} of 10 vectors that are not finite"):
        silence_unusable(vectors, "some")


@pytest.mark.parametrize(("rows", "bad"), [(10, 4), (9, 9), (1, 1), (3, 0), (0, 0)])
def test_rows_that_are_finite_stay_as_they_are(rows: int, bad: int) -> None:
    """A single new text without a vector stops nothing."""
    vectors = np.arange(rows * 2, dtype=np.float32).reshape(rows, 2)
    broken = vectors.copy()
    broken[:bad, 0] = np.inf
    silenced, count = silence_unusable(broken, "some")
    assert (count, silenced.dtype) == (bad, np.float32)
    assert not silenced[:bad].any()
    assert (silenced[bad:] == vectors[bad:]).all()
