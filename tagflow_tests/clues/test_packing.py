"""Clue packing: the budget is shared by hand-worked rules, and what is cut is recorded exactly."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tagflow.clues.packing import pack_clues, share_budget

LENGTHS = arrays(np.int64, st.tuples(st.integers(1, 4), st.integers(1, 6)), elements=st.integers(0, 400))
BUDGETS = st.integers(0, 1000)


def share(lengths: list[int], budget: int) -> list[int]:
    """Return what one content keeps of each field."""
    return share_budget(np.array([lengths]), budget)[0].tolist()


def pack(budget: int, **fields: str | None) -> tuple[str, list[dict[str, object]]]:
    """Return text and cuts of one content."""
    packed = pack_clues(pl.DataFrame(fields, schema=dict.fromkeys(fields, pl.String), orient="row"), budget)
    return packed["text"].item(), packed["cuts"].item().to_list()


@pytest.mark.parametrize(
    ("lengths", "budget", "kept"),
    [
        ([10, 20, 5], 40, [10, 20, 5]),
        ([10, 20, 5], 35, [10, 20, 5]),
        ([100, 10, 100, 0, 0], 110, [50, 10, 50, 0, 0]),
        ([100, 100, 100], 100, [33, 33, 33]),
        ([5, 50, 100], 65, [5, 30, 30]),
        ([100, 20, 5], 65, [40, 20, 5]),
        ([5, 5, 5], 2, [0, 0, 0]),
        ([0, 0, 0], 9, [0, 0, 0]),
        ([7], 3, [3]),
    ],
)
def test_short_fields_stay_whole_and_long_ones_share_the_rest(lengths, budget, kept):
    assert share(lengths, budget) == kept


def test_each_content_has_a_budget_of_its_own():
    lengths = np.array([[100, 100], [10, 10], [200, 10]])
    assert share_budget(lengths, 60).tolist() == [[30, 30], [10, 10], [50, 10]]


def test_no_content_gives_no_row():
    assert share_budget(np.zeros((0, 5), np.int64), 100).shape == (0, 5)


@given(LENGTHS, BUDGETS)
def test_neither_the_budget_nor_a_length_is_exceeded(lengths, budget):
    kept = share_budget(lengths, budget)
    assert ((kept >= 0) & (kept <= lengths)).all()
    assert (kept.sum(axis=1) <= budget).all()


@given(LENGTHS, BUDGETS)
def test_cut_fields_are_cut_alike_and_leave_nothing_to_share(lengths, budget):
    for length, kept in zip(lengths, share_budget(lengths, budget), strict=True):
        cut = kept < length
        if cut.any():
            assert np.ptp(kept[cut]) <= 1
            assert (kept[~cut] <= kept[cut].max()).all(), "a field longer than a cut one is kept whole"
            assert budget - kept.sum() < cut.sum(), "every cut field could have kept one more"
        else:
            assert length.sum() <= budget


@given(LENGTHS, BUDGETS, st.randoms())
def test_the_order_of_fields_is_irrelevant(lengths, budget, random):
    order = random.sample(range(lengths.shape[1]), lengths.shape[1])
    assert (share_budget(lengths[:, order], budget) == share_budget(lengths, budget)[:, order]).all()


def test_fields_are_joined_in_order_without_blanks_and_white_space_runs():
    assert pack(100, title=" Soup ", caption=None, ocr=" \n", asr="hot\t and\u3000\nfresh") == (
        "Soup\nhot and fresh",
        [],
    )


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param("word " * 30, 99, id="the space at the cut goes"),  # 100 characters end in a space
        pytest.param("word " * 19 + "sevenfold" * 3, 94, id="a word that is cut goes"),  # 19 words, 18 spaces
        pytest.param("x" * 300, 100, id="no boundary at all"),
        pytest.param("a" * 80 + " " + "b" * 300, 80, id="boundary 20 characters before the cut"),
        pytest.param("a" * 79 + " " + "b" * 300, 100, id="boundary 21 characters before the cut"),
        pytest.param("食" * 150, 100, id="characters are counted, not bytes"),
        pytest.param("x" * 100, 100, id="as long as the budget"),
    ],
)
def test_a_cut_field_ends_at_a_word_boundary_near_the_cut(text, kept):
    total = len(text.strip())
    cuts = [{"field": "asr", "kept": kept, "total": total}] if kept < total else []
    assert pack(100, asr=text) == (text[:kept], cuts)


def test_only_the_fields_that_are_cut_are_recorded():
    text, cuts = pack(110, title="T" * 10, ocr="o" * 200, asr="a" * 70)
    assert text == "\n".join(["T" * 10, "o" * 50, "a" * 50])
    assert cuts == [{"field": "ocr", "kept": 50, "total": 200}, {"field": "asr", "kept": 50, "total": 70}]


@given(st.lists(st.text("ab é食\t\n", max_size=80), min_size=3, max_size=3), st.integers(3, 120))
def test_cuts_say_exactly_what_the_text_lost(said, budget):
    fields = dict(zip(("title", "ocr", "asr"), said, strict=True))
    whole = {name: " ".join(text.split()) for name, text in fields.items()}
    text, cuts = pack(budget, **fields)
    kept = {name: len(text) for name, text in whole.items()}
    for cut in cuts:
        assert cut["kept"] < cut["total"] == kept[cut["field"]]
        kept[cut["field"]] = cut["kept"]
    assert sum(kept.values()) <= budget
    assert text == "\n".join(whole[name][:length] for name, length in kept.items() if length)
