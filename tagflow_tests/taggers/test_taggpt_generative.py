"""TagGPT's generative tagger on the kitchen: free proposals, matched late (eq. of §2.2.1), by hand."""

import math

import polars as pl
import pytest

from tagflow.graph.space import open_space
from tagflow.materials import Materials
from tagflow.taggers.taggpt_generative import tag
from tagflow_tests.worlds import WordEncoder, kitchen, proposals, raw_clues, said, tag_set, vectors


class Proposer:
    """The part of a tag model that late matching asks: proposals, here written down beforehand."""

    def __init__(self, proposed: pl.DataFrame) -> None:
        """Keep the proposals of every content."""
        self._proposed = proposed

    def propose(self, contents: pl.DataFrame) -> pl.DataFrame:
        """Return the proposals of the contents asked."""
        return self._proposed.join(contents, on="content_id", how="semi")


NEW = raw_clues(said("n", title="soup"), said("m", title="soup"), said("other", title="soup"))
PROPOSED = proposals(
    ("n", "Soup", 0.9),  # cosine 1 to soup
    ("n", "stew", 0.5),  # 0.8 to soup, 0.6 to vegan: at the threshold of 0.6
    ("n", "gossip", 1.0),  # matches nothing
    ("m", "gossip", 1.0),
)


def propose(proposed: pl.DataFrame = PROPOSED) -> Materials:
    """Return the kitchen with these proposals."""
    return kitchen(NEW, tag_model=Proposer(proposed))


def test_confidence_is_the_best_cosine_times_score_and_votes_the_share_of_proposals() -> None:
    found = {row["tag"]: row for row in tag(NEW[:1], propose()).to_dicts()}
    assert found.keys() == {"soup", "vegan"}
    assert found["soup"]["confidence"] == pytest.approx(max(1.0 * 0.9, 0.8 * 0.5))
    assert found["vegan"]["confidence"] == pytest.approx(0.6 * 0.5)
    assert (found["soup"]["votes"], found["vegan"]["votes"]) == pytest.approx((2 / 3, 1 / 3))
    assert found["soup"]["evidence"] == 'proposed as "Soup", cosine 1.0 to the tag'
    assert found["vegan"]["evidence"] == 'proposed as "stew", cosine 0.6 to the tag'
    assert {row["path"] for row in found.values()} == {"late matching"}


def test_the_best_match_is_not_always_the_nearest() -> None:
    """stew: 0.8 * 0.9 = 0.72 is more than soup: 1.0 * 0.5."""
    proposed = proposals(("n", "soup", 0.5), ("n", "stew", 0.9))
    (soup,) = tag(NEW[:1], propose(proposed)).filter(pl.col("tag") == "soup").to_dicts()
    assert (soup["confidence"], soup["votes"]) == (pytest.approx(0.72), 1.0)
    assert soup["evidence"] == 'proposed as "stew", cosine 0.8 to the tag'


def test_contents_without_a_matching_proposal_have_no_row() -> None:
    assert set(tag(NEW, propose())["content_id"]) == {"n"}
    assert tag(NEW[1:], propose()).is_empty()


def test_a_slug_is_matched_as_its_words() -> None:
    proposed = proposals(("n", "soup-stew", 1.0), ("m", "soup stew", 1.0))
    scored = tag(NEW, propose(proposed))
    assert scored.filter(pl.col("content_id") == "n")["confidence"].to_list() == pytest.approx(
        scored.filter(pl.col("content_id") == "m")["confidence"].to_list()
    )
    assert scored["confidence"].max() == pytest.approx(1.8 / math.sqrt(1.8**2 + 0.6**2))  # (1.8, 0.6) to (1, 0)


def test_a_proposal_that_is_the_tag_itself_is_no_surer_than_sure() -> None:
    """In single precision a unit vector's cosine to itself may pass 1 by a hair; a confidence may not."""
    angles = {f"w{number}": (math.cos(number), math.sin(number)) for number in range(200)}
    encoder = WordEncoder(angles)
    tagset = tag_set({word: [] for word in angles})
    stored = vectors({"n": (1, 0, 0)}, dict(zip(angles, encoder.encode(list(angles)).tolist(), strict=True)))
    materials = kitchen(
        NEW,
        tagset=tagset,
        encoder=encoder,
        space=open_space({"vectors": stored}),
        tag_model=Proposer(proposals(*(("n", word, 1.0) for word in angles))),
    )
    confidence = tag(NEW[:1], materials)["confidence"]
    assert len(confidence) == 200
    assert confidence.is_between(0, 1).all()


def test_the_threshold_and_the_tags_of_a_proposal_are_settings() -> None:
    proposed = proposals(("n", "stew", 1.0))
    assert set(tag(NEW[:1], propose(proposed), match=0.7)["tag"]) == {"soup"}
    assert set(tag(NEW[:1], propose(proposed), match=-1.0)["tag"]) == {"soup", "vegan", "travel"}
    assert set(tag(NEW[:1], propose(proposed), match=-1.0, nearest=2)["tag"]) == {"soup", "vegan"}
