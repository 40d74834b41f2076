"""Evidence of contents, worked out by hand."""

import numpy as np
from scipy.sparse import csr_array

from tagflow.tagset.content_evidence import find_centroids, live_apart, measure_contexts, stand_together

USES = csr_array(np.array([[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]))
VECTORS = np.array([[1, 0], [0, 1], [-1, 0], [0, 1]], np.float32)


def test_centroids_are_unit_means_and_zero_without_contents():
    half = 0.5**0.5
    assert np.allclose(find_centroids(USES, VECTORS), [[half, half], [-1, 0], [0, 0]])


def test_tags_live_apart_below_the_floor_only_and_never_without_contents():
    centroids = np.array([[1, 0], [0.6, 0.8], [0, 1], [0, 0]], np.float32)
    contexts = measure_contexts(centroids, np.array([0, 0, 0]), np.array([1, 2, 3]))
    assert live_apart(contexts, 0.5).to_list() == ["", "contents live apart: 0.0 below 0.5", ""]


def test_tags_stand_together_by_share_number_and_lift():
    a = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    b = [1, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0]  # 3 of a's 4; by chance 4 * 5 / 12 = 1.67, lift 1.8
    c = [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]  # all 3 of c; by chance 1, lift 3
    d = [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]  # 2 only
    uses = csr_array(np.array([a, b, c, d]))
    told = stand_together(uses, np.array([0, 0, 0]), np.array([1, 2, 3]), share=0.5, least=3, lift=2.0)
    assert told.to_list() == ["", "stand together on 3 of the rarer tag's 3 contents", ""]
