"""Drift of the tags given: figures worked out by hand, and worlds in which one tag swallows the set or does not."""

import numpy as np
import polars as pl
import pytest

from tagflow.evaluation.drift import LIMIT, Spread, find_drift, measure_spread


def give(*pairs: tuple[str, str]) -> pl.DataFrame:
    """Return assignments."""
    return pl.DataFrame(list(pairs), schema={"content_id": pl.String, "tag_id": pl.String}, orient="row")


def test_the_spread_is_the_share_of_the_commonest_tag_and_the_entropy_of_all() -> None:
    """Four assignments, one tag twice, two once: H = .5·1 + 2·.25·2 = 1.5 bits, its variance .5·1 + .5·4 - 1.5²."""
    spread = measure_spread(give(("a", "x"), ("a", "y"), ("b", "x"), ("c", "z")))
    assert spread == pytest.approx((3, 2 / 3, 1.5, np.sqrt(0.25 / 4)))
    assert spread.share_deviation == pytest.approx(np.sqrt(2 / 3 * 1 / 3 / 3))
    assert measure_spread(give()) == (0, 0, 0, 0)
    assert measure_spread(give(("a", "x"), ("b", "x"))) == (2, 1, 0, 0)


def test_a_figure_is_compared_with_the_earlier_ones_or_with_chance_where_they_hardly_differ() -> None:
    """Earlier shares .1 to .3 have deviation .0791, five runs widen it by the root of 1.2; equal ones leave chance."""
    now = Spread(100, 0.5, 4.0, 0.1)
    found = find_drift(now, [0.1, 0.15, 0.2, 0.25, 0.3], [4.5] * 5)
    assert found["largest share"] == pytest.approx(0.3 / (np.sqrt(0.00625) * np.sqrt(1.2)))
    assert found["entropy"] == pytest.approx(-0.5 / (0.1 * np.sqrt(1.2)))
    assert find_drift(now, [0.5] * 4, [4.0] * 4) == {}
    assert find_drift(now, [0.5] * 5, [4.0] * 5) == {"largest share": 0, "entropy": 0}
    assert find_drift(Spread(5, 1.0, 0.0, 0.0), [0.9] * 5, [0.0] * 5)["largest share"] == np.inf


def draw(chance: np.random.Generator, swallowed: float) -> Spread:
    """Give 500 contents three of 60 tags by Zipf's law; one rare tag comes upon a share of them."""
    weights = 1 / np.arange(5, 65)
    tags = np.array([chance.choice(60, size=3, replace=False, p=weights / weights.sum()) for _ in range(500)])
    tags[chance.random(500) < swallowed, 0] = 59
    rows = [(str(content), str(tag)) for content, row in enumerate(tags) for tag in set(row.tolist())]
    return measure_spread(give(*rows))


@pytest.mark.parametrize("seed", range(20))
def test_a_tag_that_swallows_the_contents_is_told_and_chance_is_not(seed: int) -> None:
    """Eight runs as usual, then one as usual, then one in which a rare tag stands on two contents of five."""
    chance = np.random.default_rng(seed)
    usual = [draw(chance, 0.0) for _ in range(9)]
    earlier = ([one.largest_share for one in usual[:8]], [one.entropy for one in usual[:8]])
    swallowed = find_drift(draw(chance, 0.4), *earlier)
    assert max(map(abs, swallowed.values())) > LIMIT
    assert swallowed["largest share"] > LIMIT
    assert max(map(abs, find_drift(usual[8], *earlier).values())) < LIMIT
