"""The weightless encoder: its fingerprint is what was counted, and it tells how far it is."""

import numpy as np
from numpy.testing import assert_array_equal

from tagflow.adapters import ngram_encoder
from tagflow.adapters.local_engine import LocalEngine
from tagflow.adapters.ngram_encoder import NgramEncoder
from tagflow.adapters.progress import LogProgress
from tagflow.graph.ngram_space import fit_encoder
from tagflow.settings import NGRAMS
from tagflow_tests.worlds import raw_clues, said


def encoder(*texts: str, language: str = "zh") -> NgramEncoder:
    clues = raw_clues(*(said(f"c{number}", title=text) for number, text in enumerate(texts)))
    clues = clues.with_columns(language=clues["language"].replace("en", language))
    return NgramEncoder(fit_encoder(clues, NGRAMS, None), language, LocalEngine(), LogProgress(lambda line: None))


def test_equal_counts_have_one_fingerprint_and_other_counts_or_languages_another() -> None:
    first = encoder("猫狗", "猫").fingerprint
    assert encoder("猫狗", "猫").fingerprint == first
    assert len({first, encoder("猫狗", "狗").fingerprint, encoder("猫狗", "猫", language="ja").fingerprint}) == 3


def test_texts_come_back_in_their_order_however_they_are_cut(monkeypatch) -> None:
    texts = ["猫", "", "狗在跑", "猫狗", "天气"]
    whole = encoder("猫狗", "猫")
    vectors = whole.encode(texts)
    monkeypatch.setattr(ngram_encoder, "CHUNK", 2)
    assert_array_equal(encoder("猫狗", "猫").encode(texts), vectors)
    assert whole.encoded == len(texts)
    assert vectors.shape == (5, whole.dimension)
    assert not vectors[1].any()
    assert encoder("猫").encode([]).shape == (0, whole.dimension)
    assert np.isfinite(vectors).all()
