"""LLM4Tag on the kitchen, worked out by hand."""

import math

import pytest

from tagflow.taggers.llm4tag import tag
from tagflow_tests.worlds import kitchen, raw_clues, said

NEW = raw_clues(said("n", title="soup"))


def test_candidates_of_both_paths_are_judged_and_explained() -> None:
    """The soup has cosine 0.8 to the stew f1 and 0.6 to the salad f2: they are 4/7 and 3/7 of its neighbourhood.

    soup is recalled as a tag (cosine 1), by people through f1 and by the machine through f2; vegan (cosine 0) by
    people through f2; travel by nobody. Confidence is the logistic of 2 * human + cosine - 1.
    """
    found = {row["tag"]: row for row in tag(NEW, kitchen(NEW)).to_dicts()}
    assert found.keys() == {"soup", "vegan"}
    soup, vegan = found["soup"], found["vegan"]
    assert soup["confidence"] == pytest.approx(1 / (1 + math.exp(-(2 * 4 / 7 + 1 - 1))))
    assert vegan["confidence"] == pytest.approx(1 / (1 + math.exp(-(2 * 3 / 7 + 0 - 1))))
    assert (soup["path"], vegan["path"]) == ("C2T+C2C2T", "C2C2T")
    assert (soup["neighbours"], vegan["neighbours"]) == (["f1", "f2"], ["f2"])
    assert (soup["votes"], vegan["votes"]) == pytest.approx((1.0, 3 / 7))
    assert soup["evidence"].startswith('its first line says "soup"; 2 of the most similar contents have this tag')
    assert soup["evidence"].endswith("from people or as a proposal; closeness of meaning 1.0 of 1")
    carried = "1 of the most similar contents has this tag from people"
    assert vegan["evidence"] == f"{carried}; closeness of meaning 0.0 of 1"


def test_a_content_far_from_everything_has_no_candidate() -> None:
    far = raw_clues(said("n", title="elsewhere"))
    assert tag(far, kitchen(far)).is_empty()
