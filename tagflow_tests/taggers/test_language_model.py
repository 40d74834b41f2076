"""The papers' taggers with a language model as the brain, on the kitchen."""

import math

import pytest

from tagflow.adapters.local_engine import LocalEngine
from tagflow.calls import Answer, Call
from tagflow.knowledge.injection import Knowledge
from tagflow.prompts.rendering import load_prompts
from tagflow.taggers import load_tagger, name_model
from tagflow.tagmodels.llm import LLMTagModel
from tagflow_tests.language_models import ScriptedModel, Silence, asked_tag, first, listed, numbers, words
from tagflow_tests.worlds import KITCHEN_TAGS, kitchen, raw_clues, said, tag_set

NEW = raw_clues(said("n", title="soup"), said("m", title="stew"))


def answer(call: Call) -> Answer:
    """Choose soup and vegan; be sure of soup at 3 to 1, and say nothing about vegan for m."""
    if call.task == "propose":
        return words(*['{"tags": ["soup"]}'] * 4, '{"tags": ["gossip"]}')
    if call.task == "select":
        return words(numbers(*(number for number, name in listed(call).items() if name != "travel")))
    if asked_tag(call) == "vegan" and call.record == "m":
        return words(outcome="refused")
    return first(("Yes", math.log(0.75)), ("No", math.log(0.25)))


def brain() -> LLMTagModel:
    knowledge = Knowledge(tag_set(KITCHEN_TAGS))
    return LLMTagModel(ScriptedModel(answer), knowledge, load_prompts("en", "recipes"), LocalEngine(), Silence())


def test_llm4tag_gives_the_models_probability_and_says_which_rung_gave_it() -> None:
    model = brain()
    scored = load_tagger("llm4tag")(NEW, kitchen(NEW, tag_model=model))
    assert set(scored.select("content_id", "tag").rows()) == {("n", "soup"), ("n", "vegan"), ("m", "soup")}
    assert scored["confidence"].to_list() == pytest.approx([0.75] * 3)
    assert scored["raw_score"].to_list() == pytest.approx([0.75] * 3)
    assert scored["rung"].to_list() == ["logprobs"] * 3
    said = "confidence by the probability of Yes against No: it says 0.75 of 1, uncalibrated; "
    assert scored["evidence"].str.starts_with(said).all()
    assert model.failures.select("content_id", "task", "outcome").rows() == [("m", "judge", "refused")]
    assert name_model("llm4tag", model) == "llm4tag/llm:scripted, uncalibrated"


def test_the_selective_tagger_gives_the_models_choice() -> None:
    scored = load_tagger("taggpt_selective")(NEW, kitchen(NEW, tag_model=brain()))
    assert set(scored["tag"]) == {"soup", "vegan"}
    assert set(scored["confidence"]) == {1.0}


def test_the_generative_tagger_matches_what_the_model_proposes() -> None:
    """Four of five answers say soup: 0.8 times a cosine of 1; gossip matches nothing."""
    scored = load_tagger("taggpt_generative")(NEW, kitchen(NEW, tag_model=brain()))
    assert dict(zip(scored["content_id"], scored["confidence"], strict=True)) == pytest.approx({"n": 0.8, "m": 0.8})
