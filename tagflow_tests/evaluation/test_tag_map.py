"""The tag map: which tags are on it, where, and that equal input gives an equal map."""

import numpy as np
import polars as pl

from tagflow.evaluation.tag_map import DRAWN, place_tags
from tagflow_tests.worlds import scored, tag_set

GENERATOR = np.random.default_rng(7)


def unit_rows(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_only_assigned_tags_are_drawn_most_assigned_first() -> None:
    tags = tag_set({name: [] for name in "abcdefg"})
    tagged = scored(*(("c1", name, 0.9) for name in "abcdef"), ("c2", "b", 0.9), ("c2", "c", 0.9), ("c3", "c", 0.9))
    table = place_tags(tagged, tags, unit_rows(GENERATOR.normal(size=(7, 4))))
    assert table["tag"].to_list() == ["c", "b", "a", "d", "e", "f"]
    assert table["contents"].to_list() == [3, 2, 1, 1, 1, 1]
    for axis in ("x", "y"):
        assert (table[axis].min(), table[axis].max()) == (0.0, 1.0)


def test_two_groups_of_vectors_are_two_groups_on_the_plane() -> None:
    names = [f"t{number:02d}" for number in range(40)]
    centres = np.repeat(np.eye(8)[:2], 20, axis=0)
    vectors = unit_rows(centres + 0.1 * GENERATOR.normal(size=(40, 8)))
    tagged = scored(*(("c1", name, 0.9) for name in names))
    places = place_tags(tagged, tag_set({name: [] for name in names}), vectors).select("x", "y").to_numpy()
    first, second = places[:20].mean(axis=0), places[20:].mean(axis=0)
    spread = max(places[:20].std(), places[20:].std())
    assert np.linalg.norm(first - second) > 2 * spread


def test_an_equal_tag_set_gives_an_equal_map() -> None:
    names = [f"t{number}" for number in range(12)]
    tagged, vectors = scored(*(("c1", name, 0.9) for name in names)), unit_rows(GENERATOR.normal(size=(12, 5)))
    maps = [place_tags(tagged, tag_set({name: [] for name in names}), vectors) for _ in range(2)]
    assert maps[0].equals(maps[1])


def test_few_tags_or_equal_vectors_do_not_stumble() -> None:
    tags = tag_set({name: [] for name in "abcdef"})
    few = place_tags(scored(("c1", "a", 0.9)), tags, unit_rows(np.ones((6, 3))))
    assert few.is_empty()
    alike = place_tags(scored(*(("c1", name, 0.9) for name in "abcdef")), tags, unit_rows(np.ones((6, 3))))
    assert alike.select(pl.col("x", "y").is_between(0, 1).all()).row(0) == (True, True)
    assert DRAWN == 300
