"""The space of words: weights worked out on three texts, the nearest by them, and what no two texts share."""

import math

import numpy as np
import polars as pl
import pytest

from tagflow.graph import lexical
from tagflow.graph.lexical import (
    BUCKETS,
    Lexicon,
    compare_terms,
    count_terms,
    no_terms,
    open_lexicon,
    open_terms,
    read_terms,
    search_terms,
    stack_terms,
    weigh_texts,
)
from tagflow.schemas import FITTED_ENCODER
from tagflow_tests.worlds import raw_clues, said

TEXTS = ["tomato soup", "onion soup", "tomato salad"]


def lexicon(texts: list[str], language: str = "fr") -> Lexicon:
    """Return the lexicon of texts; French has no function words here."""
    empty = {name: table.empty() for name, table in FITTED_ENCODER.tables.items()}
    fit = pl.DataFrame({"encoder": "e", "fit_key": "", "texts": 0, "term_key": "k", "term_texts": len(texts)})
    return open_lexicon({**empty, "terms": count_terms(texts, language), "fit": fit}, language)


def weigh(texts: list[str], of: list[str] = TEXTS, language: str = "fr"):
    return open_terms(weigh_texts(texts, lexicon(of, language)))


def test_words_and_pairs_of_words_are_counted_once_a_text() -> None:
    """Tomato and soup in two texts each; onion, salad and the three pairs in one."""
    assert sorted(count_terms(TEXTS, "fr")["texts"]) == [1, 1, 1, 1, 1, 2, 2]
    assert count_terms(["soup soup"], "fr")["texts"].to_list() == [1, 1]  # the word, and it after itself


def test_function_words_of_english_do_not_count_and_those_of_others_do() -> None:
    assert len(count_terms(["the soup"], "en")) == 1
    assert len(count_terms(["the soup"], "fr")) == 3


def test_scripts_without_spaces_are_counted_by_characters() -> None:
    """猫狗: two characters and their pair."""
    assert len(count_terms(["猫狗"], "zh")) == 3
    assert len(count_terms(["猫狗鸟"], "zh")) == 6  # 3 + 2 + the three together


def test_a_rare_term_weighs_more_and_a_text_has_length_one_with_all_its_terms() -> None:
    """Of three texts, a term of two weighs log(4 / 3) + 1, a term of one log(4 / 2) + 1."""
    often, once = math.log(4 / 3) + 1, math.log(2) + 1
    length = math.sqrt(2 * often**2 + once**2)  # tomato, soup, and their pair, which stands here only
    row = weigh(["tomato soup"])
    assert sorted(row.data) == pytest.approx([often / length] * 2)
    assert row.shape == (1, BUCKETS)


def test_a_term_said_twice_is_dampened_by_logarithm() -> None:
    lists = weigh_texts(["soup onion soup"], lexicon(["soup a b", "soup c", "soup onion", "onion"]))
    onion, soup = sorted(lists["term_weights"][0])
    ratio = (1 + math.log(2)) * (math.log(5 / 4) + 1) / (math.log(5 / 3) + 1)
    assert soup / onion == pytest.approx(ratio, rel=1e-5)


def test_a_term_that_no_two_texts_share_is_left_out() -> None:
    lists = weigh_texts(["onion", "quiche", "", "soup"], lexicon(TEXTS))
    assert lists["terms"].list.len().to_list() == [0, 0, 0, 1]
    assert lists["term_weights"][3].to_list() == pytest.approx([1.0])


def test_term_lists_open_as_the_matrix_they_were() -> None:
    matrix = weigh(["soup", "quiche", "tomato"])
    assert matrix.shape == (3, BUCKETS)
    assert np.diff(matrix.indptr).tolist() == [1, 0, 1]
    assert open_terms(no_terms(2)).nnz == 0
    assert open_terms(no_terms(0)).shape == (0, BUCKETS)
    assert len(weigh_texts([], lexicon(TEXTS))) == 0


def test_texts_are_near_by_shared_words() -> None:
    close = compare_terms(weigh(["soup", "tomato"]), weigh(["soup", "tomato", "quiche"]))
    np.testing.assert_allclose(close, [[1, 0, 0], [0, 1, 0]], atol=1e-6)


def test_the_nearest_come_first_and_ties_by_their_place() -> None:
    targets = weigh(["quiche", "soup", "tomato soup", "soup", "tomato"])
    indices, cosines = search_terms(weigh(["soup", "quiche"]), targets, 3)
    assert indices.tolist() == [[1, 3, 2], [0, 1, 2]]
    assert cosines[0, 0] == cosines[0, 1] == 1.0
    assert 0 < cosines[0, 2] < 1
    assert cosines[1].tolist() == [0, 0, 0]


def test_blocks_of_any_size_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Targets that tie on the edge of a block are the first ones, as without blocks."""
    targets = weigh(["soup", "tomato", "soup", "tomato soup", "soup"])
    for cells in (1, 10, 2**22):  # blocks of one text, of two, of all
        monkeypatch.setattr(lexical, "CELLS", cells)
        indices, _ = search_terms(weigh(["soup", "tomato", "quiche"]), targets, 2)
        assert indices.tolist() == [[0, 2], [1, 3], [0, 1]]


def test_fewer_targets_than_asked_for_are_all_there_are() -> None:
    assert search_terms(weigh(["soup"]), weigh(["soup"]), 9)[0].tolist() == [[0]]
    assert search_terms(weigh(["soup"]), weigh([]), 9)[0].shape == (1, 0)
    assert search_terms(weigh([]), weigh(["soup"]), 9)[0].shape == (0, 1)


def test_the_rows_of_a_group_are_summed() -> None:
    rows = weigh(["soup", "tomato", "soup"])
    summed = stack_terms(rows, np.array([0, 0, 1]), np.array([0, 1, 2]), 3)
    assert compare_terms(summed, rows).tolist() == [[1, 1, 1], [1, 0, 1], [0, 0, 0]]


def test_the_words_of_a_content_are_those_of_all_its_fields_whole() -> None:
    clues = raw_clues(said("a", title="Soup", caption="for two"), said("b", title="Tea"))
    assert read_terms(clues.with_columns(text=pl.lit("cut"))) == ["Soup\nfor two", "Tea"]
