"""TagGPT's selective tagger on the kitchen: each clue is matched early, then the tag model selects, by hand."""

import math

import pytest

from tagflow.confidence.model import PRIOR_MODEL
from tagflow.taggers.taggpt_selective import tag
from tagflow_tests.worlds import kitchen, raw_clues, said

TWO = raw_clues(said("n", title="stew", caption="travel"))


def test_confidence_is_what_the_tag_model_chooses_without_history() -> None:
    """The text is (0.8, 0.6, 1, 0) / sqrt(2); it names travel, in its second line."""
    found = {row["tag"]: row for row in tag(TWO, kitchen(TWO)).to_dicts()}
    cosines = {"soup": 0.8 / math.sqrt(2), "vegan": 0.6 / math.sqrt(2), "travel": 1 / math.sqrt(2)}
    assert found.keys() == cosines.keys()
    for name, cosine in cosines.items():
        logit = PRIOR_MODEL["bias"] + PRIOR_MODEL["cosine"] * cosine + PRIOR_MODEL["named"] * (name == "travel")
        assert found[name]["confidence"] == found[name]["votes"] == pytest.approx(1 / (1 + math.exp(-logit)))
        assert found[name]["path"] == "early matching"
        assert found[name]["neighbours"] == []
    assert found["travel"]["evidence"] == "near to one of the clues; closeness of meaning 0.71 of 1"


def test_each_clue_brings_its_own_candidates() -> None:
    assert set(tag(TWO, kitchen(TWO), per_clue=1)["tag"]) == {"soup", "travel"}


def test_a_clue_is_read_up_to_its_hundredth_character() -> None:
    """Twenty times "soup " are 100 characters; the travels after them win only if they are read."""
    assert len("soup " * 20) == 100
    long = raw_clues(said("n", asr="soup " * 20 + "travel " * 60))
    assert set(tag(long, kitchen(long), per_clue=1)["tag"]) == {"soup"}
    assert set(tag(long, kitchen(long), per_clue=1, clue_characters=1000)["tag"]) == {"travel"}


def test_two_clues_that_bring_the_same_tag_bring_it_once() -> None:
    twice = raw_clues(said("n", title="soup", caption="soup"))
    assert sorted(tag(twice, kitchen(twice))["tag"]) == ["soup", "travel", "vegan"]


def test_a_content_without_clues_has_no_candidate() -> None:
    blank = raw_clues(said("n"))
    assert tag(blank, kitchen(blank)).is_empty()
