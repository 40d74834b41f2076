"""Emerging tags on vectors made by hand: who is in a group, what it is called, and what it is near to."""

import numpy as np
import polars as pl
import pytest

from tagflow.tagset import emergence
from tagflow.tagset.emergence import EMERGING, find_unfitted, group_contents, list_phrases, suggest_tags
from tagflow.tagset.vocabulary import resolve_tags
from tagflow_tests.frames import make_table
from tagflow_tests.worlds import WordEncoder, proposals, raw_clues, said, tag_set, unit

BREAD, TRAVEL, BETWEEN = (1, 0, 0), (0, 1, 0), (0.6, 0.8, 0)
WORDS = {"sourdough": (1, 0, 0), "starter": (0.8, 0.6, 0), "trip": (0, 1, 0), "bread": (0.8, 0, 0.6), "soup": (0, 0, 1)}
TAGS = pl.DataFrame({"tag_id": ["t2", "t1"], "tag": ["bread", "soup"]}), unit((0.8, 0, 0.6), (0, 0, 1))


def phrases(**said_by: list[str]) -> pl.DataFrame:
    rows = [(content, phrase.lower(), phrase) for content, told in said_by.items() for phrase in told]
    return pl.DataFrame(rows, schema=["content_id", "key", "tag"], orient="row")


def suggest(vectors, told: pl.DataFrame, near: float = 0.9) -> pl.DataFrame:
    ids = pl.Series([f"c{number}" for number in range(1, len(vectors) + 1)])
    encoder = WordEncoder({word: vector for word, vector in WORDS.items()})
    encoder_of_three = _Three(encoder)
    return suggest_tags(ids, unit(*vectors), told, TAGS, encoder_of_three, near)


class _Three:
    """The word encoder without its axis for unknown words."""

    def __init__(self, inner: WordEncoder) -> None:
        self._inner, self.fingerprint, self.dimension = inner, inner.fingerprint, inner.dimension - 1

    def encode(self, texts):
        return self._inner.encode(texts)[:, :-1]


def test_contents_without_a_tag_or_with_doubtful_ones_are_taken_the_least_certain_first() -> None:
    clues = raw_clues(said("a"), said("b"), said("c"), said("d"), said("e"), said("held", split="test"))
    tagged = make_table(
        "tagged_output",
        [
            {"content_id": content, "tag_id": tag, "confidence": confidence}
            for content, tag, confidence in [("a", "x", 0.9), ("b", "x", 0.3), ("b", "y", 0.2), ("c", "x", 0.5)]
        ],
    )
    ends = {"a": "tagged", "b": "tagged", "c": "tagged", "d": "no_tag_fits", "e": "skipped", "held": "no_tag_fits"}
    rows = [{"content_id": content, "status": end} for content, end in ends.items()]
    status = make_table("tagged_output", rows, table="content_status")
    assert find_unfitted(tagged, status, clues, 0.5).to_list() == ["d", "b"]


def test_no_more_contents_are_compared_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emergence, "MOST_CONTENTS", 2)
    rows = [{"content_id": content, "status": "no_tag_fits"} for content in "abc"]
    status = make_table("tagged_output", rows, table="content_status")
    clues = raw_clues(*(said(content) for content in "cab"))
    assert find_unfitted(make_table("tagged_output", []), status, clues, 0.5).to_list() == ["a", "b"]


def test_contents_alike_are_a_group_from_three_on_and_the_largest_is_the_first() -> None:
    vectors = unit(BETWEEN, TRAVEL, TRAVEL, TRAVEL, BREAD, BREAD, BREAD, BREAD, (0, 0, 0))
    assert group_contents(vectors, 0.9).tolist() == [-1, 1, 1, 1, 0, 0, 0, 0, -1]


def test_equal_groups_are_numbered_by_their_first_content() -> None:
    vectors = unit(TRAVEL, BREAD, BREAD, BREAD, TRAVEL, TRAVEL)
    assert group_contents(vectors, 0.9).tolist() == [0, 1, 1, 1, 0, 0]


@pytest.mark.parametrize(("near", "groups"), [(0.75, [0, 0, 0, 0]), (0.85, [-1, 0, 0, 0])])
def test_the_mean_cosine_decides_whether_a_content_joins(near: float, groups: list[int]) -> None:
    assert group_contents(unit(BETWEEN, TRAVEL, TRAVEL, TRAVEL), near).tolist() == groups


def test_too_few_contents_are_no_group() -> None:
    assert group_contents(unit(BREAD, BREAD), 0.9).tolist() == [-1, -1]
    assert group_contents(np.zeros((5, 3), np.float32), 0.9).tolist() == [-1] * 5


def test_a_group_is_named_by_the_phrase_that_is_frequent_and_near() -> None:
    told = phrases(c1=["starter", "Sourdough"], c2=["starter", "Sourdough"], c3=["starter", "trip"], c4=["trip"])
    row = suggest([BREAD, BREAD, BREAD], told.filter(pl.col("content_id") != "c4")).row(0, named=True)
    # starter: 3 of 3 at cosine 0.8; sourdough: 2 of 3 at cosine 1; trip is in one content only
    assert (row["key"], row["tag"]) == ("starter", "starter")
    assert row["definition"] == "Contents about starter, with Sourdough."
    assert (row["contents"], row["size"], row["cohesion"]) == (["c1", "c2", "c3"], 3, pytest.approx(1.0))
    assert row["nearest"] == ["bread", "soup"]
    assert row["nearest_cosines"] == pytest.approx([0.8, 0.0])


def test_the_examples_are_the_contents_nearest_to_the_middle() -> None:
    # the middle is the direction of (2.6, 0.8, 0): cosine to (0.8, 0.6) 0.941, to (1, 0) 0.956, to (0.8, 0.6)...
    row = suggest([(0.6, 0.8, 0), BREAD, BREAD], phrases(c1=["trip"], c2=["trip"]), near=0.5).row(0, named=True)
    assert row["examples"] == ["c2", "c3", "c1"]
    assert row["definition"] == "Contents about trip."
    middle = np.array([2.6, 0.8]) / np.hypot(2.6, 0.8)
    assert row["cohesion"] == pytest.approx((2 * middle[0] + middle @ [0.6, 0.8]) / 3)


def test_a_name_that_an_earlier_group_took_is_not_given_twice() -> None:
    told = phrases(**{f"c{n}": ["starter", "trip"] for n in range(1, 8)})
    found = suggest([BREAD] * 4 + [TRAVEL] * 3, told)
    # bread: starter 0.8, trip 0; travel: trip 1, starter 0.6
    assert found.select("tag", "size").rows() == [("starter", 4), ("trip", 3)]
    again = suggest([BREAD] * 4 + [TRAVEL] * 3, told.filter(pl.col("key") == "starter"))
    assert again["tag"].to_list() == ["starter"]


def test_contents_that_share_no_phrase_or_no_group_suggest_nothing() -> None:
    assert suggest([BREAD] * 3, phrases(c1=["starter"], c2=["trip"])).is_empty()
    nothing = suggest([BREAD, TRAVEL], phrases(c1=["starter"], c2=["starter"]))
    assert nothing.is_empty()
    assert nothing.schema == EMERGING


def test_the_order_of_proposals_changes_nothing() -> None:
    told = phrases(c1=["starter", "Sourdough"], c2=["sourdough", "starter"], c3=["trip"])
    assert suggest([BREAD] * 3, told).equals(suggest([BREAD] * 3, told.reverse()))


def test_a_phrase_that_is_a_tag_already_or_of_no_use_names_nothing() -> None:
    told = proposals(("a", "#Soup", 1), ("a", "broth", 1), ("a", "day", 1), ("a", "Sourdough", 1), ("a", "12", 1))
    rows = [{"key": key, "tag": key, "verdict": verdict} for key, verdict in
            [("day", "too_common"), ("sourdough", "too_rare"), ("12", "malformed")]]  # fmt: skip
    found = list_phrases(told, make_table("filtered_tagset", rows), resolve_tags(tag_set({"soup": ["broth"]})))
    assert found.rows() == [("a", "sourdough", "Sourdough")]
