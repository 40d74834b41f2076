"""Cosines of pairs do not depend on how many pairs are in memory together."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from tagflow.confidence import closeness
from tagflow.confidence.closeness import compare_centroids, compare_term_centroids, dot_terms, dot_vectors

CONTENTS = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)
TAGS = np.array([[0.8, 0.6], [0, 1]], np.float32)
CONTENT, TAG = np.array([2, 0, 1, 0]), np.array([0, 0, 1, 1])
DOTS = [0.6, 0.8, 0.8, 0.0]

LINKED = np.array([0, 0, 1]), np.array([0, 1, 2])
"""The first tag is on the contents 0 and 1, the second on 2."""

OWN = np.array([0, 1, 0, 0])
CENTROIDS = [
    0.8 / np.sqrt(1.6**2 + 0.8**2),  # (0, 1) and (1, 0) + (0.6, 0.8)
    0.6,  # (1, 0) and (0.6, 0.8): its own vector is left out
    0.8,  # (0.6, 0.8) and (0, 1)
    0.0,  # (1, 0) and (0, 1)
]


@pytest.fixture(params=[1, 5, 2**20], ids=["pair by pair", "two by two", "all together"])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold so many numbers together."""
    monkeypatch.setattr(closeness, "CELLS", request.param)
    monkeypatch.setattr(closeness, "PRODUCTS", request.param)


@pytest.mark.usefixtures("block")
def test_each_pair_is_multiplied() -> None:
    assert dot_vectors(CONTENTS, CONTENT, TAGS, TAG) == pytest.approx(DOTS)
    assert dot_terms(csr_array(CONTENTS), CONTENT, csr_array(TAGS), TAG) == pytest.approx(DOTS)


@pytest.mark.usefixtures("block")
def test_each_content_is_compared_with_the_other_contents_of_the_tag() -> None:
    given = CONTENT, TAG, OWN, LINKED
    assert compare_centroids(*given, CONTENTS, 2) == pytest.approx(CENTROIDS)
    assert compare_term_centroids(*given, csr_array(CONTENTS), 2) == pytest.approx(CENTROIDS)
