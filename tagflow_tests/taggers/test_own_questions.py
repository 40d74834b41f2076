"""The methods that ask by themselves: a worked example each, and what becomes of answers that say nothing."""

import json
import math
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from tagflow.adapters.local_engine import LocalEngine
from tagflow.calls import Answer, Call
from tagflow.errors import ConfigError
from tagflow.materials import Materials
from tagflow.prompts.rendering import load_prompts
from tagflow.taggers import asks_by_itself, find_obstacle, list_methods, load_tagger
from tagflow.taggers.ensemble_vote import count_votes
from tagflow.taggers.icxml import merge_in_turn
from tagflow.tagmodels.candidates import pick_diverse
from tagflow.tagmodels.interview import Interview
from tagflow.tagmodels.writing import Limits, Writer
from tagflow_tests.language_models import ScriptedModel, Silence, listed, shown, words
from tagflow_tests.worlds import gather_knowledge, kitchen, raw_clues, said, unit

NEW = raw_clues(said("n", title="soup"))
OWN = [method for method in list_methods() if asks_by_itself(method)]


class World:
    """The kitchen with a model that answers by a script; ``tuned`` is another model of its endpoint."""

    def __init__(self, script: Callable[[Call], Answer], **parts: Any) -> None:
        """Keep the script."""
        self.model, self.tuned = ScriptedModel(script), ScriptedModel(script)
        plain = kitchen(NEW)
        writer = Writer(load_prompts("en", "recipes"), Limits())
        models = {"scripted": self.model, "tuned": self.tuned}
        self.interview = Interview(
            "scripted", models.__getitem__, lambda: gather_knowledge(plain), writer, (LocalEngine(), Silence()), **parts
        )
        self.materials: Materials = kitchen(NEW, interview=self.interview)

    def run(self, method: str, **settings: Any) -> pl.DataFrame:
        """Return what the method gives for the one content."""
        return load_tagger(method, settings)(NEW, self.materials)

    def questions(self, task: str) -> list[Call]:
        """Return what was asked with a template."""
        return [call for call in self.model.asked if call.task == task]


def pick(*names: str, **more: str) -> Callable[[Call], Answer]:
    """Return a script that picks the candidates of these names, in this order."""

    def answer(call: Call) -> Answer:
        numbers = {name: number for number, name in listed(call).items()}
        return words(json.dumps({**more, "numbers": [numbers[name] for name in names]}))

    return answer


def test_zero_shot_falls_by_the_place_in_the_answer() -> None:
    """Three candidates: the first place is worth 1, the second 1 - 1/3."""
    world = World(pick("travel", "soup"))
    found = dict(world.run("zero_shot").select("tag", "confidence").rows())
    assert found == {"travel": pytest.approx(1.0), "soup": pytest.approx(2 / 3)}
    (call,) = world.questions("choose")
    assert '"reasoning"' not in call.messages[0][1]


def test_zero_shot_may_think_first_and_its_thought_is_the_evidence() -> None:
    world = World(pick("soup", reasoning="a pot is named"))
    (row,) = world.run("zero_shot", cot=True).to_dicts()
    assert row["evidence"] == "picked from the list; because: a pot is named"
    (call,) = world.questions("choose")
    assert '"reasoning"' in call.messages[0][1]
    assert list(json.loads(call.schema or "")["properties"]) == ["reasoning", "numbers"]


def test_a_single_tag_is_one_number() -> None:
    world = World(pick("soup", "vegan"), single=True)
    assert world.run("zero_shot")["tag"].to_list() == ["soup"]
    assert json.loads(world.questions("choose")[0].schema or "")["properties"]["numbers"]["maxItems"] == 1


def test_carp_shows_demonstrations_with_the_clues_that_the_model_gave_itself_the_most_alike_last() -> None:
    """The soup resembles the stew f1 at 0.8 and the salad f2 at 0.6; f1 stands last, directly before the question."""

    def answer(call: Call) -> Answer:
        if call.task == "carp_clues":
            return words(json.dumps({"clues": f"clue of {shown(call)['title']}", "reasoning": "so it is"}))
        return pick("soup", clues="the word soup", reasoning="it is one")(call)

    world = World(answer)
    (row,) = world.run("carp", shots=2).to_dicts()
    assert (row["tag"], row["confidence"]) == ("soup", 1.0)
    assert row["evidence"] == "reasoned from clues; clues: the word soup; so: it is one"
    (call,) = world.questions("carp")
    told = call.messages[1][1]
    assert 0 < told.index("clue of salad") < told.index("clue of stew") < told.index("<<<DATA")
    assert [listed(one) for one in world.questions("carp_clues")] == [{1: "soup"}, {1: "vegan"}]


def test_carp_votes_by_share_and_an_answer_that_cannot_be_read_votes_for_nothing() -> None:
    """Of four answers two say soup first, one says vegan first and soup second, one says nothing."""

    def answer(call: Call) -> Answer:
        number = {name: place for place, name in listed(call).items()}
        said = [[number["soup"]], [number["soup"]], [number["vegan"], number["soup"]]]
        return words(*(json.dumps({"clues": "c", "reasoning": "r", "numbers": one}) for one in said), "no idea")

    world = World(answer)
    found = {row["tag"]: row for row in world.run("carp", shots=0, votes=4).to_dicts()}
    assert found["soup"]["confidence"] == pytest.approx((1 + 1 + 2 / 3) / 4)
    assert found["vegan"]["confidence"] == pytest.approx(1 / 4)
    assert (found["soup"]["votes"], found["vegan"]["votes"]) == (3 / 4, 1 / 4)
    assert world.interview.counts == {"read": 3, "unusable": 1}
    assert (world.questions("carp")[0].samples, world.questions("carp")[0].temperature) == (4, 0.7)


def test_a_demonstration_without_an_answer_is_shown_without_clues_and_fails_nobody() -> None:
    def answer(call: Call) -> Answer:
        if call.task == "carp_clues":
            return words(outcome="refused")
        return pick("soup", clues="c", reasoning="r")(call)

    world = World(answer)
    assert world.run("carp", shots=1)["tag"].to_list() == ["soup"]
    assert '{"title": "stew"}\n  tags: ["soup"]' in world.questions("carp")[0].messages[1][1]
    assert world.interview.failures.is_empty()


def test_llm4tc_shows_the_same_diverse_examples_or_asks_a_tuned_model() -> None:
    world = World(pick("soup"))
    assert world.run("llm4tc", shots=3)["tag"].to_list() == ["soup"]
    told = world.questions("choose")[0].messages[1][1]
    assert all(f'{{"title": "{title}"}}' in told for title in ("stew", "salad", "travel"))
    world.run("llm4tc", mode="zero_shot")
    assert "stew" not in world.questions("choose")[1].messages[1][1]
    world.run("llm4tc", mode="finetuned", model="tuned")
    assert (len(world.model.asked), len(world.tuned.asked)) == (2, 1)
    with pytest.raises(ConfigError, match="names the tuned model of mode finetuned"):
        world.run("llm4tc", mode="finetuned")


def test_diverse_examples_are_the_middle_and_then_the_farthest() -> None:
    """The mean of the four points toward the first axis; the second is farthest from it, then the third."""
    vectors = unit((1, 0, 0), (-0.6, 0.8, 0), (0.6, 0, 0.8), (0.96, 0.28, 0))
    assert pick_diverse(vectors, 3) == [3, 1, 2]
    assert pick_diverse(vectors[:0], 3) == []


def test_names_are_merged_in_turn() -> None:
    rows = [("n", 0, "a", "soup"), ("n", 0, "a", "vegan"), ("n", 1, "b", "travel"), ("n", 1, "b", "soup")]
    matched = pl.DataFrame(rows, schema=["content_id", "name", "said", "tag_id"], orient="row")
    merged = merge_in_turn(matched, 3)
    assert merged.select("tag_id", "said", "turn").rows() == [("soup", "a", 0), ("travel", "b", 1), ("vegan", "a", 2)]
    assert len(merge_in_turn(matched, 2)) == 2


@pytest.mark.parametrize("kind", ["contents", "labels"])
def test_icxml_generates_with_made_up_examples_maps_and_reranks(kind: str) -> None:
    """It names stew (nearest soup, vegan, travel); the reranking puts vegan first, the others follow as merged."""

    def answer(call: Call) -> Answer:
        if call.task == "imagine":
            titles = [f"about {name}" for name in listed(call).values()] or ["a salad", "a stew"]
            return words(json.dumps({"titles": titles}))
        return words('{"tags": ["stew"]}') if call.task == "generate" else pick("vegan")(call)

    world = World(answer)
    scored = world.run("icxml", demonstrations=kind, titles=2, labels=2)
    assert scored["tag"].to_list() == ["vegan", "soup", "travel"]
    assert scored["confidence"].to_list() == pytest.approx([1, 2 / 3, 1 / 3])
    assert scored["votes"].to_list() == [1.0, 0.0, 0.0]
    told = world.questions("generate")[0].messages[1][1]
    made = ('{"title": "a stew"}', '"soup"') if kind == "contents" else ('{"title": "about soup"}', 'tags: ["soup"]')
    assert all(one in told for one in made)


def test_icxml_keeps_the_merged_order_after_one_more_try() -> None:
    def answer(call: Call) -> Answer:
        said = {"imagine": '{"titles": ["a", "b"]}', "generate": '{"tags": ["stew"]}', "choose": "as you like"}
        return words(said[call.task])

    world = World(answer)
    assert world.run("icxml", titles=2)["tag"].to_list() == ["soup", "vegan", "travel"]
    assert len(world.questions("choose")) == 2
    assert world.interview.counts["unusable"] == 2
    assert world.interview.failures.is_empty()


def test_irera_takes_the_best_cosine_weighed_by_use_and_ranks_by_number() -> None:
    """Inferred are stew (soup 0.8, vegan 0.6) and travel; f1, f2, f3 have one tag each, so every share is 1/3."""

    def answer(call: Call) -> Answer:
        said = {"reasoning": "r", "tags": ["stew", "travel"]}
        return words(json.dumps(said)) if call.task == "generate" else pick("vegan", reasoning="r")(call)

    world = World(answer)
    scored = world.run("irera", prior=3.0)
    assert scored["tag"].to_list() == ["vegan", "travel", "soup"]  # picked; then retrieved: 1.0, 0.8
    assert scored["confidence"].to_list() == pytest.approx([1, 2 / 3, 1 / 3])
    assert listed(world.questions("choose")[0]) == {1: "travel", 2: "soup", 3: "vegan"}
    assert "as near as 0.6 to what" in scored["evidence"][0]


def test_irera_prefers_what_people_use_by_the_logarithm() -> None:
    """With A = 9 the factor of a tag that half of the contents have is ln(4.5 + e); of one that none has, 1."""
    more = raw_clues(*(said(f"g{number}", title="salad", labels=["vegan"]) for number in range(3)))
    world = World(
        lambda call: words('{"reasoning": "r", "tags": ["stew"]}') if call.task == "generate" else words("{}")
    )
    materials = kitchen(NEW, more=more, interview=world.interview)
    load_tagger("irera", {"prior": 9.0})(NEW, materials)
    soup, vegan = 0.8 * math.log(9 / 6 + math.e), 0.6 * math.log(9 * 4 / 6 + math.e)
    assert vegan > soup
    assert list(listed(world.questions("choose")[0]).values())[:2] == ["vegan", "soup"]


def test_ensemble_votes_are_the_mean_best_cosine_over_the_prompts() -> None:
    rows = [
        ("n", "keywords", "stew", "soup", 0.8),
        ("n", "keywords", "Soup", "soup", 1.0),
        ("n", "searcher", "stew", "soup", 0.8),
        ("n", "searcher", "trip", "travel", 0.9),
    ]
    matched = pl.DataFrame(rows, schema=["content_id", "prompt", "said", "tag_id", "cosine"], orient="row")
    voted = count_votes(matched, 2, 5).select("tag_id", "vote", "votes", "said").rows()
    assert voted == [
        ("soup", pytest.approx((1.0 + 0.8) / 2), 1.0, "Soup"),
        ("travel", pytest.approx(0.45), 0.5, "trip"),
    ]


def test_ensemble_adds_vote_and_rating_by_three_and_seven_tenths() -> None:
    """Two of three prompts name soup, one travel; they are rated 5/10 and 9: .3 * 2/3 + .7 * .5, .3 * 1/3 + .7 * .9."""

    def answer(call: Call) -> Answer:
        if call.task == "rate":
            return words(
                '{"rating": "5/10"}' if '"soup"' in call.messages[1][1].split("DATA ")[-1] else '{"rating": 9}'
            )
        return words('{"tags": ["travel"]}' if "look for" in call.messages[0][1] else '{"tags": ["soup"]}')

    world = World(answer)
    scored = world.run("ensemble_vote")
    assert scored["tag"].to_list() == ["travel", "soup"]
    assert scored["confidence"].to_list() == pytest.approx([0.3 / 3 + 0.7 * 0.9, 0.3 * 2 / 3 + 0.7 * 0.5])
    assert scored["evidence"][1] == 'named as "soup"; vote 0.67; rated 5.0 of 10'
    assert len(world.questions("generate")) == 3


@pytest.mark.parametrize("method", OWN)
@pytest.mark.parametrize("outcome", ["refused", "over_budget"])
def test_a_content_without_an_answer_has_no_tag_and_stands_among_the_failures(method: str, outcome: str) -> None:
    world = World(lambda call: words(outcome=outcome))
    assert world.run(method).is_empty()
    assert set(world.materials.failures["content_id"]) == {"n"}
    assert set(world.materials.failures["outcome"]) == {outcome}
    fresh = world.interview.renew()
    assert fresh.failures.is_empty()


@pytest.mark.parametrize("method", OWN)
def test_an_answer_that_says_nothing_is_asked_for_once_more_and_never_becomes_a_tag(method: str) -> None:
    world = World(lambda call: words("I would rather not say"))
    assert world.run(method).is_empty()
    assert set(world.materials.failures["outcome"]) == {"unusable"}
    assert world.model.discarded
    assert world.interview.counts["unusable"] >= 2
    assert "read" not in world.interview.counts


@pytest.mark.parametrize("method", OWN)
def test_without_a_language_model_it_is_not_run_and_says_why(method: str) -> None:
    assert "TAGFLOW_LLM_BASE_URL" in str(find_obstacle(method, NEW, kitchen(NEW)))
    assert load_tagger(method)(NEW, kitchen(NEW)).is_empty()
