"""The weightless space: character n-grams weighted by rarity, projected to a fixed width; nothing is downloaded.

Two texts are near here when they share rare characters and character pairs. Of three ways that were tried on Chinese
headlines (the n-grams themselves, their truncated SVD, a signed random projection of them), the projection keeps most
of what the n-grams know at a fixed width, and needs no fit but the counts; the SVD lost two thirds of the tags that
stand in the text.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tagflow.clues.conversion import has_text
from tagflow.graph import lexical
from tagflow.graph.lexical import UNSPACED
from tagflow.ports import Vectors
from tagflow.schemas import FITTED_ENCODER
from tagflow.settings import NGRAMS
from tagflow.tables import Tables

WAY = "ngrams-1"
"""Changes whenever texts are counted or embedded in another way, so that old vectors and fits are not reused."""

BUCKETS = 2**20  # ours: n-grams are told apart by hash; 1.5 million distinct ones of 50k headlines collide in a third
DIMENSION = 1024  # ours: cosines are kept within about 0.03
SIGNS = 8  # ours: components that an n-gram writes to (Kane and Nelson's sparser projection)
RARE_WEIGHT = 0.5  # ours: n-grams of fewer than two texts are names or noise


def fit_encoder(raw_clues: pl.DataFrame, model: str, known: Tables | None) -> Tables:
    """Return the ``fitted_encoder``: terms, and for this model n-grams, counted on the contents outside the test split.

    An artifact that was fitted on the same contents in the same way is returned as it is.

    Args:
        raw_clues: the contents, all of one language.
        model: name of the encoder.
        known: the artifact as it stands, if there is one.
    """
    fit = raw_clues.filter((pl.col("split") == "fit") & has_text()).sort("content_id")
    key = _hash([WAY, *fit["content_hash"]]) if model == NGRAMS else ""
    term_key = _hash([lexical.WAY, *fit["content_hash"]])
    if known is not None and known["fit"].select("encoder", "fit_key", "term_key").rows() == [(model, key, term_key)]:
        return known
    tables = {name: table.empty() for name, table in FITTED_ENCODER.tables.items()}
    language = fit["language"][0] if len(fit) else "en"
    tables["terms"] = lexical.count_terms(lexical.read_terms(fit), language)
    if model == NGRAMS:
        tables["fitted_encoder"] = fit_ngrams(fit["text"].to_list(), language)
    counted = {"term_key": [term_key], "term_texts": [len(fit)]}
    facts = {"encoder": [model], "fit_key": [key], "texts": [len(fit) if key else 0], **counted}
    return tables | {"fit": pl.DataFrame(facts, schema=tables["fit"].schema)}


def _hash(said: Sequence[str]) -> str:
    return hashlib.blake2b("\x1f".join(said).encode(), digest_size=16).hexdigest()


def fit_ngrams(texts: Sequence[str], language: str) -> pl.DataFrame:
    """Return in how many texts each n-gram stands: bucket (int64, ascending) and texts (int64, from 1)."""
    counts = np.bincount(_count_ngrams(texts, language).indices, minlength=BUCKETS)
    used = np.flatnonzero(counts)
    return pl.DataFrame({"bucket": used, "texts": counts[used]}, schema={"bucket": pl.Int64, "texts": pl.Int64})


def weigh_ngrams(fitted: pl.DataFrame, texts: int) -> NDArray[np.float32]:
    """Return the weight of each bucket, shape (BUCKETS,): smoothed inverse document frequency, halved for rare n-grams.

    Args:
        fitted: bucket and texts.
        texts: number of texts that were counted.
    """
    counts = np.zeros(BUCKETS)
    counts[fitted["bucket"].to_numpy()] = fitted["texts"].to_numpy()
    weights = np.log((1 + texts) / (1 + counts)) + 1
    weights[counts < 2] *= RARE_WEIGHT
    return weights.astype(np.float32)


def embed_ngrams(texts: Sequence[str], language: str, weights: NDArray[np.float32]) -> Vectors:
    """Return unit vectors of shape (len(texts), DIMENSION); a text without a letter or digit gives zeros.

    Counts are dampened by logarithm. An n-gram that was never counted weighs like a rare one, so that two words differ
    even where nobody has seen them.
    """
    counted = _count_ngrams(texts, language)
    data = (1 + np.log(counted.data)) * weights[counted.indices]
    used, places = np.unique(counted.indices, return_inverse=True)
    narrow = csr_array((data, places, counted.indptr), shape=(len(texts), len(used)))
    rows = (narrow @ _project(used)).toarray().astype(np.float32)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 1e-12, length, np.inf), dtype=np.float32)


def _count_ngrams(texts: Sequence[str], language: str) -> Any:  # noqa: ANN401 - scikit-learn has no types
    spoken = [text if any(map(str.isalnum, text)) else "" for text in texts]
    return _make_counter(language).transform([*spoken, ""])[: len(texts)]  # it stumbles over no text at all


@lru_cache
def _make_counter(language: str) -> Any:  # noqa: ANN401 - scikit-learn has no types
    from sklearn.feature_extraction.text import HashingVectorizer

    spaced = language not in UNSPACED
    return HashingVectorizer(
        analyzer="char_wb" if spaced else "char",
        ngram_range=(2, 4) if spaced else (1, 2),  # ours: pairs of Chinese characters are words
        n_features=BUCKETS,
        alternate_sign=False,
        norm=None,
        dtype=np.float32,
    )


def _project(buckets: NDArray[np.int64]) -> csr_array:
    """The rows of the projection for some buckets: SIGNS components, each +1 or -1 over the root of SIGNS."""
    keys = np.asarray(buckets[:, None] * SIGNS + np.arange(SIGNS), dtype=np.uint64)
    mixed = _mix(keys)
    components = (mixed % np.uint64(DIMENSION)).astype(np.int64)
    signs = np.where((mixed >> np.uint64(40)) & np.uint64(1), 1.0, -1.0) / np.sqrt(SIGNS)
    rows = np.repeat(np.arange(len(buckets)), SIGNS)
    return csr_array((signs.ravel().astype(np.float32), (rows, components.ravel())), shape=(len(buckets), DIMENSION))


def _mix(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit keys (the finaliser of SplitMix64, Steele et al. 2014): the same on every machine."""
    keys = keys + np.uint64(0x9E3779B97F4A7C15)
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(keys ^ (keys >> np.uint64(31)))
