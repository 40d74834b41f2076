"""The best columns of rows of scores, beside a whole sort."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagflow.graph.matching import take_best


@given(
    rows=st.integers(0, 6), columns=st.integers(1, 30), most=st.integers(0, 40), levels=st.integers(1, 50),
    seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_the_best_come_first_and_ties_by_column(rows, columns, most, levels, seed):
    scores = np.random.default_rng(seed).integers(0, levels, (rows, columns)).astype(np.float32) / levels
    found, values = take_best(scores, most)
    assert (found.dtype, values.dtype) == (np.int64, np.float32)
    expected = [
        sorted(range(columns), key=lambda column, row=row: (-row[column], column))[:most] for row in scores.tolist()
    ]
    assert found.tolist() == expected
    assert values.tolist() == [
        [row[column] for column in best] for row, best in zip(scores.tolist(), expected, strict=True)
    ]


@pytest.mark.parametrize("shape", [(0, 0), (3, 0), (0, 5)])
def test_nothing_gives_nothing(shape):
    found, values = take_best(np.zeros(shape, np.float32), 20)
    assert found.shape == values.shape == (shape[0], min(20, shape[1]))
