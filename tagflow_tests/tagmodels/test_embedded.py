"""The embedded tag model with an encoder whose cosines can be worked out by hand."""

import zlib
from collections.abc import Sequence
from math import log2, sqrt

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tagflow.adapters.local_engine import LocalEngine
from tagflow.clues.conversion import convert_contents
from tagflow.confidence.features import FEATURES
from tagflow.confidence.model import HEADS, describe_prior_model
from tagflow.ports import Vectors
from tagflow.schemas import CANDIDATE_TAGS
from tagflow.settings import DatasetSettings, Labels
from tagflow.tables import check_tables
from tagflow.tagmodels import embedded
from tagflow.tagmodels.embedded import EmbeddedTagModel
from tagflow_tests.frames import make_contents, make_raw_clues, make_table

TITLE_BONUS = 0.05 * log2(3)
"""What standing once in a title is worth beside the cosine."""


class BagOfWords:
    """Every word has an axis, so a phrase of m of a text's n distinct words has the cosine sqrt(m / n) to it."""

    dimension = 4096

    def __init__(self, fingerprint: str = "words") -> None:
        """Keep the name of the space; ``asked`` keeps every text that was encoded."""
        self.fingerprint = fingerprint
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit rows; a blank text gives zeros."""
        self.asked += texts
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in text.lower().split():
                row[zlib.crc32(word.encode()) % self.dimension] += 1
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def model(proposals: int = 16, confidence: pl.DataFrame | None = None, fingerprint: str = "words") -> EmbeddedTagModel:
    """Return the tag model on the bag of words."""
    judge = describe_prior_model() if confidence is None else confidence
    encoder = BagOfWords(fingerprint)
    return EmbeddedTagModel(encoder, encoder, LocalEngine(), judge, proposals=proposals)


def clues(*contents: dict[str, str | None], **settings: object) -> pl.DataFrame:
    """Return raw clues of contents in a language without stop words."""
    said = make_contents(*({"content_id": f"c{number}", **content} for number, content in enumerate(contents)))
    return convert_contents(said, DatasetSettings(language="xx", holdout=0, **settings))


def propose(proposals: int, *contents: dict[str, str | None], **settings: object) -> list[tuple[str, float]]:
    """Return tag and score of every proposal."""
    return model(proposals).propose(clues(*contents, **settings)).select("tag", "score").rows()


def pairs(*rows: dict[str, object]) -> pl.DataFrame:
    """Return pairs with recall features; what a row leaves out is 0, and its tag is annotated."""
    filled = [{**dict.fromkeys(FEATURES, 0.0), "annotated": True, **row} for row in rows]
    return pl.DataFrame(filled, schema_overrides=dict.fromkeys(FEATURES, pl.Float64))


def test_the_score_is_the_cosine_and_a_little_for_the_weight():
    single = sqrt(1 / 2) + TITLE_BONUS
    said = propose(4, {"title": "Vegan pasta"})
    assert [tag for tag, _ in said] == ["Vegan pasta", "pasta", "Vegan"]
    assert [score for _, score in said] == pytest.approx([1.0, single, single], abs=1e-6)  # 1 + the bonus is clipped
    said = propose(4, {"title": "soup", "caption": "bread"})
    assert [tag for tag, _ in said] == ["soup", "bread"]
    assert [score for _, score in said] == pytest.approx([single, sqrt(1 / 2) + 0.05], abs=1e-6)


def test_half_of_the_proposals_are_single_words():
    two, one = sqrt(2 / 3) + TITLE_BONUS, sqrt(1 / 3) + TITLE_BONUS
    said = propose(4, {"title": "red lentil soup"})
    assert [tag for tag, _ in said] == ["red lentil soup", "lentil soup", "lentil", "red"]
    assert [score for _, score in said] == pytest.approx([1.0, two, one, one], abs=1e-6)


@pytest.mark.parametrize("proposals", [1, 2, 3, 5, 16])
def test_no_content_gets_more_proposals_than_asked_for(proposals):
    assert 0 < len(propose(proposals, {"title": "red lentil coconut curry soup"})) <= proposals


def test_proposals_have_the_declared_schema_best_first_within_each_content():
    raw = clues({"title": "Vegan pasta"}, {"title": "7 8"}, {"title": None}, {"title": "soup", "asr": "soup, bread"})
    table = model().propose(raw)
    beside = {name: CANDIDATE_TAGS.tables[name].empty() for name in ("proposed_contents", "dead_letters")}
    check_tables(CANDIDATE_TAGS, {"candidate_tags": table, **beside})
    assert table["content_id"].unique(maintain_order=True).to_list() == ["c0", "c3"]
    assert set(table["votes"]) == {1}
    assert table["score"].is_between(0, 1).all()
    assert all(group["score"].is_sorted(descending=True) for _, group in table.group_by("content_id"))


@pytest.mark.parametrize("contents", [[], [{"title": "..."}], [{"title": "1 2"}]])
def test_contents_without_a_phrase_propose_nothing(contents):
    raw = clues(*contents) if contents else make_raw_clues()
    assert_frame_equal(model().propose(raw), CANDIDATE_TAGS.tables["candidate_tags"].empty())


def test_contents_without_text_are_never_embedded():
    encoder = BagOfWords()
    tag_model = EmbeddedTagModel(encoder, encoder, LocalEngine(), describe_prior_model(), proposals=4)
    tag_model.propose(clues({"title": "soup"}, {"title": "?!"}, {"title": None}))
    assert encoder.asked == ["soup", "soup"], "the content and its phrase"


def test_a_content_proposes_the_same_alone_in_company_and_in_any_batch(monkeypatch):
    raw = clues(*({"title": f"red soup{number}", "caption": "hot bread"} for number in range(5)))
    together = model().propose(raw)
    monkeypatch.setattr(embedded, "BATCH", 2)
    assert_frame_equal(model().propose(raw), together)
    assert_frame_equal(model().propose(raw[3:4]), together.filter(pl.col("content_id") == "c3"))


def test_hashtags_are_proposed_as_words():
    assert "Slow Cooker" in dict(propose(16, {"caption": "#SlowCooker supper"}))


def test_hashtags_that_are_the_labels_are_not_proposed_from():
    by_hashtags = Labels(source="hashtags")
    tags = dict(propose(16, {"title": "supper #vegan", "caption": "#SlowCooker"}, labels=by_hashtags))
    assert set(tags) == {"supper"}


def test_stop_words_are_those_of_the_contents_language():
    raw = make_raw_clues({"content_id": "c1", "text": "the soup", "language": "en"})
    assert model().propose(raw)["tag"].to_list() == ["soup"]
    assert "the soup" in model().propose(raw.with_columns(language=pl.lit("xx")))["tag"].to_list()


def test_the_proposer_is_known_by_encoder_and_number_of_proposals():
    assert model().proposer == model(confidence=describe_prior_model()).proposer
    assert len({model().proposer, model(15).proposer, model(fingerprint="other").proposer}) == 3


def test_contents_and_phrases_must_share_a_space():
    with pytest.raises(ValueError, match="one space"):
        EmbeddedTagModel(BagOfWords("a"), BagOfWords("b"), LocalEngine(), describe_prior_model(), proposals=1)


def test_selecting_keeps_every_pair_with_a_choice_that_ignores_history():
    asked = pairs({"cosine": 0.5}, {"cosine": 0.9}, {"cosine": 0.5, "human": 1.0, "centroid": 0.9, "prior": -1.0})
    selected = model().select(asked, make_raw_clues())
    assert_frame_equal(selected.drop("choice"), asked)
    near, nearer, known = selected["choice"]
    assert 0 < near == known < nearer < 1


def test_judging_takes_the_head_of_the_tag_and_its_logistic_model():
    terms = {  # annotated: 2 * (0.75 - 0.5) / 0.25 - 1 = 1; unannotated: 4 * (0.25 - 0.5) / 0.5 = -2
        ("annotated", "human"): (0.5, 0.25, 2.0),
        ("annotated", "bias"): (0.0, 1.0, -1.0),
        ("unannotated", "cosine"): (0.5, 0.5, 4.0),
    }
    columns = ("head", "feature", "mean", "scale", "coefficient")
    rows = [
        dict(zip(columns, (head, name, *terms.get((head, name), (0, 1, 0))), strict=True))
        for head, features in HEADS.items()
        for name in (*features, "bias")
    ]
    confidence = make_table("confidence_model", rows, knots=[], levels=[], fitted=True, pairs=1, positives=1)
    row = {"human": 0.75, "cosine": 0.25}
    judged = model(confidence=confidence).judge(
        pairs(row, {**row, "annotated": False}, {**row, "human": 0.5}), make_raw_clues()
    )
    assert judged == pytest.approx([1 / (1 + np.exp(-1)), 1 / (1 + np.exp(2)), 1 / (1 + np.exp(1))])
