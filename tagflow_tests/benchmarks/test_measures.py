"""What the benchmarks of embedding and recall count: worked out by hand on a few vectors and texts."""

import json
from pathlib import Path

import numpy as np
import pytest

from tagflow.ports import Vectors
from tagflow_tests.benchmarks import recall
from tagflow_tests.benchmarks.embedding import join_text, list_phrases, list_values
from tagflow_tests.benchmarks.recall import find_floor, list_tags, measure_recall, prepare_exact, prepare_hnswlib

SIDE = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8], [0, 1], [0.6, 0.8]], np.float32)
RIGHT = np.array([[1, 0]], np.float32)


@pytest.fixture(autouse=True)
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two nearest are sought."""
    monkeypatch.setattr(recall, "K", 2)


def test_the_floor_is_the_cosine_of_the_kth_nearest() -> None:
    assert find_floor(SIDE, np.array([[1, 0], [0, 1]], np.float32)) == pytest.approx([0.8, 0.8])


@pytest.mark.parametrize(
    ("found", "share"), [([0, 1], 1), ([1, 0], 1), ([0, 2], 0.5), ([1, 1], 0.5), ([3, 2], 0), ([0, 0], 0.5)]
)
def test_recall_is_the_share_of_the_nearest_that_was_found(found: list[int], share: float) -> None:
    assert measure_recall(SIDE, RIGHT, np.array([0.8]), np.array([found])) == share


def test_either_of_two_equally_near_is_found() -> None:
    """The two vectors at 0.8 to this query are as good as each other beside the one at 1."""
    query = np.array([[0, 1]], np.float32)
    floor = find_floor(SIDE, query)
    assert [measure_recall(SIDE, query, floor, np.array([[3, copy]])) for copy in (2, 4)] == [1, 1]


def test_the_sides_find_the_nearest() -> None:
    floor = find_floor(SIDE, RIGHT)
    sides = [prepare_exact(SIDE, way) for way in ("bfloat16", "float32")] + [prepare_hnswlib(SIDE, RIGHT, floor)]
    assert [sorted(side.search(RIGHT)[0].tolist()) for side in sides] == [[0, 1]] * 3
    assert sides[-1].name == "hnswlib, width 32"


def test_tags_come_from_the_first_field_a_file_has(tmp_path: Path) -> None:
    one, many = tmp_path / "one.jsonl", tmp_path / "many.jsonl"
    one.write_text("".join(json.dumps({"tag": tag}) + "\n" for tag in ("sea", "soup")))
    many.write_text(json.dumps({"title": "x", "tags": ["soup", "sky"]}) + "\n")
    assert list_tags([one, many], ["tag", "tags"]) == ["sea", "soup", "sky"]
    with pytest.raises(Exception, match=r"one\.jsonl has none of the fields tags"):
        list_tags([one], ["tags"])


def test_short_texts_are_the_values_of_a_field_or_runs_of_words() -> None:
    assert list_values([{"tags": ["a", "b"]}, {"tags": "b"}, {"tags": None}, {}], "tags") == ["a", "b"]
    assert list_phrases(["a b c"]) == ["a", "b", "c", "a b", "a b c"]


def test_a_long_text_is_the_clues_a_line_each() -> None:
    assert join_text({"title": "Soup", "category": "food", "asr": "stir", "caption": ""}) == "Soup\nstir"


def test_the_floor_is_found_over_many_blocks() -> None:
    """Each axis has one vector at 1 and all others at 0."""
    axes: Vectors = np.eye(150, dtype=np.float32)
    assert find_floor(axes, axes).tolist() == [0] * 150
