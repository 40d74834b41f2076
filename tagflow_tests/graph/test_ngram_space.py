"""The weightless space: counts, weights and cosines that can be worked out on paper."""

from math import log, sqrt

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tagflow.graph.ngram_space import DIMENSION, RARE_WEIGHT, _mix, embed_ngrams, fit_encoder, fit_ngrams, weigh_ngrams
from tagflow.schemas import FITTED_ENCODER
from tagflow.settings import MINILM, NGRAMS
from tagflow.tables import check_tables
from tagflow_tests.worlds import raw_clues, said

TEXTS = ["猫狗", "猫"]
WEIGHTS = weigh_ngrams(fit_ngrams(TEXTS, "zh"), len(TEXTS))


def test_every_character_and_pair_is_counted_once_a_text() -> None:
    """猫 stands in two texts, 狗 and 猫狗 in one, though 猫 stands twice in the first of the other two texts."""
    assert sorted(fit_ngrams(TEXTS, "zh")["texts"]) == [1, 1, 2]
    assert sorted(fit_ngrams(["猫猫", "猫"], "zh")["texts"]) == [1, 2]


def test_spaced_languages_are_cut_within_words() -> None:
    """Of " ab " there are the pairs " a", "ab", "b ", the triples " ab", "ab " and the four letters " ab "."""
    assert len(fit_ngrams(["ab"], "fr")) == 6
    assert len(fit_ngrams(["ab cd"], "fr")) == 12


def test_a_weight_is_the_smoothed_inverse_frequency_and_rare_ones_are_halved() -> None:
    found = sorted(set(WEIGHTS.tolist()))
    assert RARE_WEIGHT == 0.5
    assert_allclose(found, [(log(3 / 2) + 1) / 2, 1.0, (log(3) + 1) / 2], rtol=1e-6)


def test_the_cosine_is_that_of_the_shared_ngrams() -> None:
    """猫狗 has 猫 with weight 1 and two n-grams of weight w; 猫 has the first only: 1 / sqrt(1 + 2 w²)."""
    both, one, other = embed_ngrams(["猫狗", "猫", "天气"], "zh", WEIGHTS)
    weight = (log(3 / 2) + 1) / 2
    assert both @ one == pytest.approx(1 / sqrt(1 + 2 * weight**2), abs=0.1)
    assert abs(float(both @ other)) < 0.2
    assert_allclose(np.linalg.norm([both, one, other], axis=1), 1, rtol=1e-6)


def test_a_repeated_ngram_counts_by_its_logarithm() -> None:
    """猫猫猫 is 猫 (1 + log 3, weight 1) and 猫猫 (1 + log 2, never counted)."""
    once, thrice = embed_ngrams(["猫", "猫猫猫"], "zh", WEIGHTS)
    first, second = 1 + log(3), (1 + log(2)) * (log(3) + 1) / 2
    assert once @ thrice == pytest.approx(first / sqrt(first**2 + second**2), abs=0.1)


def test_words_nobody_has_seen_still_differ() -> None:
    left, right, same = embed_ngrams(["北京", "南京", "北京"], "zh", WEIGHTS)
    assert left @ same == pytest.approx(1)
    assert 0.2 < left @ right < 0.5  # they share one of three n-grams of equal weight


def test_a_text_without_letters_is_zero_and_no_text_depends_on_its_company() -> None:
    vectors = embed_ngrams(["", " ?! ", "猫狗"], "zh", WEIGHTS)
    assert vectors.shape == (3, DIMENSION)
    assert not vectors[:2].any()
    assert_array_equal(embed_ngrams(["猫狗"], "zh", WEIGHTS), vectors[2:])
    assert embed_ngrams([], "zh", WEIGHTS).shape == (0, DIMENSION)


def test_the_projection_is_the_same_on_every_machine() -> None:
    """The first output of SplitMix64 from state 0 is published with the algorithm."""
    assert int(_mix(np.array([0], np.uint64))[0]) == 0xE220A8397B1DCDAF


def test_the_encoder_is_fitted_outside_the_test_split_and_frozen_while_the_contents_stay() -> None:
    clues = raw_clues(said("a", title="猫狗"), said("b", title="猫"), said("c", split="test", title="天气"))
    clues = clues.with_columns(language=clues["language"].replace("en", "zh"))
    fitted = check_tables(FITTED_ENCODER, fit_encoder(clues, NGRAMS, None))
    assert sorted(fitted["fitted_encoder"]["texts"]) == [1, 1, 2]
    assert fitted["fit"]["texts"].item() == 2
    assert fit_encoder(clues[::-1], NGRAMS, fitted) is fitted
    assert fit_encoder(clues[1:], NGRAMS, fitted)["fit"]["texts"].item() == 1


def test_a_pretrained_encoder_has_nothing_to_fit_but_the_words() -> None:
    clues = raw_clues(said("a", title="cat"))
    fitted = check_tables(FITTED_ENCODER, fit_encoder(clues, MINILM, None))
    assert fitted["fitted_encoder"].is_empty()
    assert fitted["fit"].select("encoder", "fit_key", "texts", "term_texts").rows() == [(MINILM, "", 0, 1)]
    assert fit_encoder(clues, MINILM, fitted) is fitted
    assert fit_encoder(clues, NGRAMS, fitted) is not fitted
