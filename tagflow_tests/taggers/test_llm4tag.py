"""LLM4Tag on the kitchen, worked out by hand."""

import math
from dataclasses import replace

import polars as pl
import pytest

from tagflow.adapters.local_engine import LocalEngine
from tagflow.calls import Answer, Call
from tagflow.confidence.model import describe_prior_model, judge_pairs
from tagflow.errors import ConfigError
from tagflow.materials import recall_pairs
from tagflow.prompts.rendering import load_prompts
from tagflow.taggers import name_model
from tagflow.taggers.llm4tag import tag
from tagflow.tagmodels.llm import LLMTagModel
from tagflow_tests.language_models import ScriptedModel, Silence, numbers, words
from tagflow_tests.worlds import gather_knowledge, kitchen, raw_clues, said

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


def test_without_the_graph_the_nearest_tags_are_candidates_and_no_neighbour_is_known() -> None:
    """Soup lies at 1, vegan and travel at 0; nobody of the neighbourhood speaks: logit = cosine - 1."""
    found = {row["tag"]: row for row in tag(NEW, kitchen(NEW), graph=False).to_dicts()}
    assert found.keys() == {"soup", "vegan", "travel"}
    assert found["soup"]["confidence"] == pytest.approx(1 / (1 + math.exp(-(1 - 1))))
    assert found["vegan"]["confidence"] == pytest.approx(1 / (1 + math.exp(-(0 - 1))))
    assert {(row["path"], row["votes"], *row["neighbours"]) for row in found.values()} == {("C2T", 0.0)}


def test_without_samples_the_embedded_brain_judges_by_the_prior_model() -> None:
    """A prior model has no word of how people used the tag before, whatever the fitted one learned."""
    world = kitchen(NEW)
    pairs = recall_pairs(NEW, world)
    prior = judge_pairs(describe_prior_model(), pairs)
    found = dict(tag(NEW, world, samples=False).select("tag", "confidence").rows())
    assert found == pytest.approx(dict(zip(pairs["tag_id"], prior, strict=True)))


def test_without_calibration_the_confidence_is_the_selections_score_and_says_so() -> None:
    world = kitchen(NEW)
    chosen = world.tag_model.select(recall_pairs(NEW, world), NEW)
    found = dict(tag(NEW, world, calibration=False).select("tag", "confidence").rows())
    assert found == pytest.approx(dict(chosen.select("tag_id", "choice").rows()))
    judging = replace(world, tag_model=Judging())
    assert name_model("llm4tag", judging.tag_model) == "llm4tag/some"
    named = name_model("llm4tag", judging.tag_model, {"calibration": False})
    assert named == "llm4tag(calibration=False)/some, uncalibrated"


class Judging:
    """The parts of a tag model by which a method's name is told."""

    name, calibrated = "some", True


def test_a_tuned_language_model_needs_a_language_model_as_the_brain() -> None:
    with pytest.raises(ConfigError, match="'tuned' is named, and the brain is embedded"):
        tag(NEW, kitchen(NEW), model="tuned")


def test_a_language_model_is_told_no_samples_or_definitions_where_they_are_switched_off() -> None:
    """The other brain keeps one book: what failed without a part stands among the failures of the whole."""
    asked: list[Call] = []

    def answer(call: Call) -> Answer:
        asked.append(call)
        return words(numbers(1)) if call.task == "select" else words(outcome="refused")

    world = kitchen(NEW)
    tagset = world.tagset.with_columns(description=pl.lit("it stands for something"))
    knowledge = replace(gather_knowledge(world), tagset=tagset)
    model = ScriptedModel(answer)
    brain = LLMTagModel(
        model, knowledge, load_prompts("en", "recipes"), LocalEngine(), Silence(), find_model=lambda name: model
    )
    for settings, defined, shown in (
        ({}, True, True),
        ({"passages": False}, False, True),
        ({"samples": False}, True, False),
    ):
        asked.clear()
        assert tag(NEW, replace(world, tag_model=brain), **settings).is_empty()
        (question,) = [call.messages[-1][1] for call in asked if call.task == "select"]
        assert ("it stands for something" in question, '"title":"stew"' in question.replace(": ", ":")) == (
            defined,
            shown,
        )
        assert brain.failures.select("content_id", "task", "outcome").rows() == [("n", "judge", "refused")]
