"""The remembering encoder: a text is embedded once, whatever happens, and two vector spaces never meet."""

from pathlib import Path

import numpy as np
import pytest

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.adapters.vector_cache import CACHE, RememberingEncoder
from tagflow_tests.worlds import WordEncoder

WORDS = {"soup": (1, 0), "vegan": (0, 1), "stew": (0.8, 0.6)}
SOUP, VEGAN, STEW, NONE = ([1, 0, 0], [0, 1, 0], pytest.approx([0.8, 0.6, 0]), [0, 0, 0])


@pytest.fixture
def store(tmp_path: Path) -> DuckDBStore:
    """An empty warehouse."""
    return DuckDBStore(tmp_path)


def test_a_text_is_computed_once_and_counted(store: DuckDBStore) -> None:
    plain = WordEncoder(WORDS)
    encoder = RememberingEncoder(plain, store, "toy")
    assert encoder.encode(["soup", "vegan"]).tolist() == [SOUP, VEGAN]
    assert (encoder.computed, encoder.reused) == (2, 0)
    assert encoder.encode(["vegan", "stew", "soup"]).tolist() == [VEGAN, STEW, SOUP]
    assert (encoder.computed, encoder.reused) == (3, 2)
    assert plain.asked == ["soup", "vegan", "stew"]


def test_a_text_that_stands_twice_is_computed_once(store: DuckDBStore) -> None:
    plain = WordEncoder(WORDS)
    encoder = RememberingEncoder(plain, store, "toy")
    assert encoder.encode(["soup", "stew", "soup", "soup"]).tolist() == [SOUP, STEW, SOUP, SOUP]
    assert plain.asked == ["soup", "stew"]
    assert (encoder.computed, encoder.reused) == (2, 0)


def test_vectors_outlive_the_object(store: DuckDBStore) -> None:
    first = RememberingEncoder(WordEncoder(WORDS), store, "toy")
    first.encode(["soup"])
    first.encode(["stew"])
    plain = WordEncoder(WORDS)
    second = RememberingEncoder(plain, store, "toy")
    assert second.encode(["stew", "soup"]).tolist() == [STEW, SOUP]
    assert plain.asked == []
    assert (second.computed, second.reused) == (0, 2)


def test_another_fingerprint_is_never_mixed_in(store: DuckDBStore) -> None:
    turned = {"soup": (0, 1), "vegan": (1, 0)}
    RememberingEncoder(WordEncoder(WORDS, "first"), store, "toy").encode(["soup", "vegan"])
    other = RememberingEncoder(WordEncoder(turned, "second"), store, "toy")
    assert other.encode(["soup"]).tolist() == [[0, 1, 0]]
    assert (other.computed, other.reused) == (1, 0)
    assert set(store.read("toy", CACHE)["fingerprint"]) == {"second"}
    again = RememberingEncoder(WordEncoder(WORDS, "first"), store, "toy")
    assert again.encode(["soup", "vegan"]).tolist() == [SOUP, VEGAN]


def test_another_fingerprint_may_have_another_dimension(store: DuckDBStore) -> None:
    RememberingEncoder(WordEncoder(WORDS, "first"), store, "toy").encode(["soup"])
    wide = RememberingEncoder(WordEncoder({"soup": (0, 0, 0, 1)}, "second"), store, "toy")
    assert wide.dimension == 5
    assert wide.encode(["soup"]).tolist() == [[0, 0, 0, 1, 0]]


def test_datasets_remember_apart(store: DuckDBStore) -> None:
    RememberingEncoder(WordEncoder(WORDS), store, "toy").encode(["soup"])
    other = RememberingEncoder(WordEncoder(WORDS), store, "other")
    other.encode(["soup"])
    assert other.computed == 1


@pytest.mark.parametrize("before", [[], ["soup"]])
def test_an_empty_list_gives_no_rows_and_computes_nothing(store: DuckDBStore, before: list[str]) -> None:
    plain = WordEncoder(WORDS)
    encoder = RememberingEncoder(plain, store, "toy")
    encoder.encode(before)
    found = encoder.encode([])
    assert (found.shape, found.dtype) == ((0, 3), np.float32)
    assert plain.asked == before


def test_blank_texts_keep_their_zeros(store: DuckDBStore) -> None:
    for _ in range(2):
        encoder = RememberingEncoder(WordEncoder(WORDS), store, "toy")
        assert encoder.encode(["", "soup", "  "]).tolist() == [NONE, SOUP, NONE]
    assert encoder.computed == 0


def test_texts_that_differ_by_a_space_are_told_apart(store: DuckDBStore) -> None:
    encoder = RememberingEncoder(WordEncoder({"ab": (1, 0), "a": (0, 1), "b": (0, 1)}), store, "toy")
    assert encoder.encode(["ab", "a b"]).tolist() == [[1, 0, 0], [0, 1, 0]]


def test_what_fails_is_not_remembered(store: DuckDBStore) -> None:
    class Broken(WordEncoder):
        """Fails at the word poison, after the words before it."""

        def encode(self, texts: list[str]) -> np.ndarray:
            """Return the vectors or fail."""
            if "poison" in texts:
                raise RuntimeError
            return super().encode(texts)

    encoder = RememberingEncoder(Broken(WORDS), store, "toy")
    encoder.encode(["soup"])
    with pytest.raises(RuntimeError):
        encoder.encode(["soup", "poison"])
    assert encoder.encode(["soup"]).tolist() == [SOUP]
    assert len(store.read("toy", CACHE)) == 1
