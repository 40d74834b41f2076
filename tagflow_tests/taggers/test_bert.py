"""The one-against-rest logistic on frozen vectors."""

import math

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tagflow.confidence.one_against_rest import fit_logistic
from tagflow.taggers.bert import tag
from tagflow_tests.worlds import kitchen, raw_clues, said

NEW = raw_clues(said("n", title="soup"), said("m", title="travel"))
KNOWN = raw_clues(
    *(said(f"s{number}", title="soup", labels=["soup"]) for number in range(4)),
    *(said(f"t{number}", title="travel", labels=["travel"]) for number in range(4)),
)


def test_two_opposite_points_give_the_weight_of_the_formula() -> None:
    """With x = ±1 there is no bias by symmetry, and w solves w * strength = 2 * (1 - logistic(w)); here w = 1."""
    strength = 2 * (1 - 1 / (1 + math.exp(-1)))
    weights, biases = fit_logistic(
        np.array([[1.0], [-1.0]], np.float32), np.array([[1.0], [0.0]], np.float32), strength
    )
    assert weights[0, 0] == pytest.approx(1.0, abs=1e-4)
    assert biases[0] == pytest.approx(0.0, abs=1e-4)


def test_many_tags_at_once_are_fitted_as_one_by_one() -> None:
    random = np.random.default_rng(3)
    features = random.standard_normal((80, 5)).astype(np.float32)
    answers = (features @ random.standard_normal((5, 3)) + random.standard_normal((80, 3)) > 0.5).astype(np.float32)
    weights, biases = fit_logistic(features, answers, 0.5)
    for column in range(3):
        alone = LogisticRegression(C=2.0, tol=1e-8, max_iter=1000).fit(features, answers[:, column])
        assert weights[:, column] == pytest.approx(alone.coef_[0], abs=1e-2)
        assert biases[column] == pytest.approx(alone.intercept_[0], abs=1e-2)


def test_a_content_gets_the_tag_of_contents_like_it_and_rare_tags_are_told() -> None:
    lines: list[str] = []
    world = kitchen(NEW, more=KNOWN, say=lines.append)
    scored = tag(NEW, world, min_positives=2)
    best = dict(scored.unique("content_id", keep="first", maintain_order=True).select("content_id", "tag").rows())
    assert best == {"n": "soup", "m": "travel"}
    assert set(scored["tag"]) == {"soup", "travel"}
    assert lines == ["bert: 1 of 3 annotated tags are not fitted: 1 are on fewer than 2 contents"]
    tag(NEW, world, min_positives=2, most_tags=1)
    assert lines[1].endswith("1 are on fewer than 2 contents, 1 are less used than the first 1")
