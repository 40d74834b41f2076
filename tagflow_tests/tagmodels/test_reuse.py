"""What changed is asked about again and nothing else, and the rows are those that asking about everything gives."""

from dataclasses import replace
from typing import Any, NamedTuple

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tagflow.adapters.local_engine import LocalEngine
from tagflow.calls import Answer, Call
from tagflow.confidence.staleness import ANSWERS, BASIS
from tagflow.materials import Materials
from tagflow.ports import TagModel
from tagflow.prompts.rendering import load_prompts
from tagflow.taggers.llm4tag import tag
from tagflow.tagmodels.llm import LLMTagModel
from tagflow.tagmodels.reuse import ReusingTagModel, Standing
from tagflow.tagmodels.writing import Limits
from tagflow_tests.language_models import ScriptedModel, Silence, asked_tag, first, listed, numbers, shown, words
from tagflow_tests.worlds import KITCHEN_TAGS, WordEncoder, gather_knowledge, kitchen, raw_clues, said

SOUP, TRAVEL, VEGAN = said("s", title="soup"), said("t", title="travel"), said("v", title="vegan")
CONTENTS = raw_clues(SOUP, TRAVEL, VEGAN)
"""The soup and the vegan one may have the tags soup and vegan, the travel one only travel."""

PROMPTS = load_prompts("en", "recipes")
NOTHING = pl.Series([], dtype=pl.String)


def read(call: Call) -> Answer:
    """Answer as a model would that reads: everything shown fits, and what the text says is nearly certain."""
    if call.task == "select":
        return words(numbers(*listed(call)))
    named = asked_tag(call) in shown(call)["title"]
    return first(("Yes", -0.1), ("No", -2.3)) if named else first(("No", -0.5), ("Yes", -0.9))


class Brain(NamedTuple):
    """A language model as the brain, and whom it asked about what."""

    model: LLMTagModel
    asked: ScriptedModel

    def list_asked(self) -> set[str]:
        """Return the ids of the contents that a question was about."""
        return {call.record for call in self.asked.asked}


def open_brain(world: Materials, prompts: Any = PROMPTS, fingerprint: str = "one", **parts: Any) -> Brain:
    """Return a brain that reads, told what the world knows or ``knowledge``."""
    asked = ScriptedModel(read)
    asked.fingerprint = fingerprint
    knowledge = parts.pop("knowledge", None) or gather_knowledge(world)
    return Brain(LLMTagModel(asked, knowledge, prompts, LocalEngine(), Silence(), **parts), asked)


def stand(basis: pl.DataFrame, answers: pl.DataFrame, world: Materials, corrected: pl.Series = NOTHING) -> Standing:
    version = "|".join(world.tagset["tag"])
    return Standing(basis, answers, corrected, world.encoder.fingerprint, version, "llm4tag")


def run(
    world: Materials, model: TagModel, before: ReusingTagModel | None = None, contents: pl.DataFrame = CONTENTS
) -> tuple[pl.DataFrame, ReusingTagModel]:
    """Tag all contents, with what was answered before."""
    basis = BASIS.empty() if before is None else before.basis.with_columns(samples=pl.lit(""), state=pl.lit(""))
    answers = ANSWERS.empty() if before is None else before.answers
    reusing = ReusingTagModel(model, stand(basis, answers, world))
    scored = tag(contents, replace(world, tag_model=reusing))
    return scored.sort("content_id", "tag_id"), reusing


STRICT = PROMPTS.templates["judge"].replace("{% block system %}", "{% block system %}Be strict. ")
OTHER_JUDGE = replace(PROMPTS, templates={**PROMPTS.templates, "judge": STRICT})
DEFINED = {"travel": "going far"}


def define(world: Materials) -> Materials:
    said = pl.col("tag").replace_strict(DEFINED, default=None, return_dtype=pl.String)
    return replace(world, tagset=world.tagset.with_columns(description=said))


def forget_sample(world: Materials) -> dict[str, Any]:
    """What people said of the travel f3, the only sample that is near the travel content, is taken back."""
    known = gather_knowledge(world)
    return {"knowledge": replace(known, samples=known.samples.filter(pl.col("content_id") != "f3"))}


EDITED = raw_clues(SOUP, {**said("t", title="travel travel"), "content_hash": "another"}, VEGAN)
MORE = raw_clues(SOUP, TRAVEL, VEGAN, said("n", title="soup"))
WORLD = kitchen(CONTENTS)
CHANGES: dict[str, tuple[Materials, dict[str, Any], pl.DataFrame, dict[str, int], set[str]]] = {
    "nothing": (WORLD, {}, CONTENTS, {}, set()),
    "a content": (kitchen(EDITED), {}, EDITED, {"the content changed": 1}, {"t"}),
    "one more content": (kitchen(MORE), {}, MORE, {"no answer yet": 1}, {"n"}),
    "the model": (WORLD, {"fingerprint": "two"}, CONTENTS, {"another model": 3}, {"s", "t", "v"}),
    "a prompt": (WORLD, {"prompts": OTHER_JUDGE}, CONTENTS, {"another prompt": 3}, {"s", "t", "v"}),
    "a setting": (WORLD, {"limits": Limits(definitions=1)}, CONTENTS, {"another setting": 3}, {"s", "t", "v"}),
    "fields that are shown": (WORLD, {"fields": ("title",)}, CONTENTS, {"another setting": 3}, {"s", "t", "v"}),
    "a setting of proposals": (WORLD, {"limits": Limits(temperature=0.5, samples=2)}, CONTENTS, {}, set()),
    "fewer candidates": (WORLD, {"limits": Limits(candidates=1)}, CONTENTS, {"other candidates": 2}, {"s", "v"}),
    "a definition": (define(WORLD), {}, CONTENTS, {"other evidence": 1}, {"t"}),
    "one more tag": (
        kitchen(CONTENTS, {**KITCHEN_TAGS, "salad": []}),
        {},
        CONTENTS,
        {"another tag set": 2},
        {"s", "v"},
    ),
    "a sample": (WORLD, forget_sample(WORLD), CONTENTS, {"other evidence": 1}, {"t"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_asks_about_exactly_what_it_touches_and_all_rows_are_as_if_all_were_asked(change: str) -> None:
    world, parts, contents, reasons, expected = CHANGES[change]
    _, before = run(WORLD, open_brain(WORLD).model)
    brain = open_brain(world, **parts)
    rows, after = run(world, brain.model, before, contents)
    assert (brain.list_asked(), after.reasons) == (expected, reasons)
    whole = open_brain(world, **parts)
    fresh, anew = run(world, whole.model, None, contents)
    assert whole.list_asked() == set(contents["content_id"])
    assert_frame_equal(rows, fresh, check_exact=True)
    for kept, made in ((after.basis, anew.basis), (after.answers, anew.answers)):
        order = kept.columns[:2]
        assert_frame_equal(kept.sort(order), made.sort(order), check_exact=True)
    again = open_brain(world, **parts)
    assert run(world, again.model, after, contents)[0].equals(rows)
    assert not again.list_asked()


def test_a_tag_with_another_name_keeps_its_answers_under_it() -> None:
    """A person's new name leaves the old one as an alias, so that texts still say it."""
    old, before = run(WORLD, open_brain(WORLD).model)
    names = pl.col("tag").replace({"travel": "journeys"})
    told = pl.when(pl.col("tag") == "travel").then(pl.lit(["travel", "trips"])).otherwise("aliases")
    renamed = replace(WORLD, tagset=WORLD.tagset.with_columns(tag=names, aliases=told))
    brain = open_brain(renamed)
    rows, _ = run(renamed, brain.model, before)
    assert not brain.list_asked()
    assert_frame_equal(rows, old.with_columns(pl.col("tag").replace({"travel": "journeys"})), check_exact=True)


def test_what_had_no_answer_is_asked_again_and_only_that() -> None:
    def refuse_travel(call: Call) -> Answer:
        return words(outcome="refused") if call.task == "judge" and call.record == "t" else read(call)

    broken = open_brain(WORLD)
    broken.asked._script = refuse_travel
    rows, before = run(WORLD, broken.model)
    assert set(rows["content_id"]) == {"s", "v"}
    assert before.failures["content_id"].to_list() == ["t"]
    brain = open_brain(WORLD)
    mended, after = run(WORLD, brain.model, before)
    assert (brain.list_asked(), after.reasons) == ({"t"}, {"no answer yet": 1})
    assert mended.equals(run(WORLD, open_brain(WORLD).model)[0])


class Counting:
    """Stands before the embedded tag model and keeps the contents that it was asked about."""

    def __init__(self, model: TagModel) -> None:
        self._model = model
        self.asked: set[str] = set()

    def select(self, pairs: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
        self.asked |= set(contents["content_id"])
        return self._model.select(pairs, contents)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


def learn(world: Materials) -> Materials:
    """The judge was fitted anew: people's word counts half."""
    model = world.tag_model
    taught = model._confidence.with_columns(
        coefficient=pl.when(pl.col("feature") == "human").then(1.0).otherwise("coefficient")
    )
    parts = (world.encoder, world.encoder, LocalEngine())
    return replace(world, tag_model=type(model)(*parts, taught, proposals=8))


def turn(world: Materials) -> Materials:
    """Another encoder, in whose space the travel content has moved away from its tag."""
    space = world.space
    moved = space.content_vectors.copy()
    row = space.contents.filter(pl.col("node") == "t")["row"].item()
    moved[row] = moved[row] * 0.5
    other = WordEncoder({"soup": (1, 0, 0)}, "another encoder")
    return replace(world, space=space._replace(content_vectors=moved), encoder=other)


EMBEDDED = {
    "nothing": (WORLD, CONTENTS, {}, set()),
    "a content": (kitchen(EDITED), EDITED, {"the content changed": 1}, {"t"}),
    "one more content": (kitchen(MORE), MORE, {"no answer yet": 1}, {"n"}),
    "the judge": (learn(WORLD), CONTENTS, {"another model": 3}, {"s", "t", "v"}),
    "the encoder": (turn(WORLD), CONTENTS, {"another encoder": 1}, {"t"}),
    "one more tag": (
        kitchen(CONTENTS, {**KITCHEN_TAGS, "salad": []}),
        CONTENTS,
        {"another tag set": 2},
        {"s", "v"},
    ),
}


@pytest.mark.parametrize("change", EMBEDDED)
def test_the_embedded_tag_model_is_asked_about_exactly_what_a_change_touches(change: str) -> None:
    world, contents, reasons, expected = EMBEDDED[change]
    old, before = run(WORLD, WORLD.tag_model)
    stored = old.select(
        "content_id", "tag_id", choice="confidence", confidence="confidence", rung=pl.lit(None, pl.String)
    )
    counting = Counting(world.tag_model)
    standing = stand(before.basis.with_columns(samples=pl.lit(""), state=pl.lit("")), stored, world)
    reusing = ReusingTagModel(counting, standing)
    rows = tag(contents, replace(world, tag_model=reusing)).sort("content_id", "tag_id")
    assert (counting.asked, reusing.reasons) == (expected, reasons)
    assert_frame_equal(rows, run(world, world.tag_model, None, contents)[0], check_exact=True)


def test_a_content_that_people_corrected_is_judged_again_where_what_was_kept_is_not_the_models_own_word() -> None:
    old, before = run(WORLD, WORLD.tag_model)
    wrong = old.select(
        "content_id", "tag_id", choice="confidence", confidence=pl.lit(1.0), rung=pl.lit(None, pl.String)
    )
    counting = Counting(WORLD.tag_model)
    standing = stand(before.basis.with_columns(samples=pl.lit(""), state=pl.lit("")), wrong, WORLD, pl.Series(["v"]))
    reusing = ReusingTagModel(counting, standing)
    rows = tag(CONTENTS, replace(WORLD, tag_model=reusing))
    assert (counting.asked, reusing.reasons) == ({"v"}, {"a correction of people": 1})
    assert rows.filter(pl.col("content_id") == "v")["confidence"].max() < 1


def test_an_order_is_asked_for_once_and_stands_like_a_selection() -> None:
    """The model chooses all tags and puts them the other way round, the last left out; no judge is asked."""

    def order(call: Call) -> Answer:
        if call.task != "rerank":
            return read(call)
        return words(numbers(*[*listed(call)][::-1][: max(1, len(listed(call)) - 1)]))

    def rank(before: ReusingTagModel | None) -> tuple[dict[str, list[tuple[str, float]]], ReusingTagModel, list[str]]:
        model = ScriptedModel(order)
        brain = LLMTagModel(model, gather_knowledge(WORLD), PROMPTS, LocalEngine(), Silence())
        basis = BASIS.empty() if before is None else before.basis.with_columns(samples=pl.lit(""), state=pl.lit(""))
        answers = ANSWERS.empty() if before is None else before.answers
        reusing = ReusingTagModel(brain, stand(basis, answers, WORLD))
        scored = tag(CONTENTS, replace(WORLD, tag_model=reusing), calibration=False, rerank=True)
        best = scored.sort("content_id", -pl.col("confidence")).group_by("content_id", maintain_order=True)
        found = best.agg(pl.struct("tag_id", "confidence"))
        rows = {content: [(one["tag_id"], one["confidence"]) for one in tags] for content, tags in found.rows()}
        return rows, reusing, [call.task for call in model.asked]

    rows, before, tasks = rank(None)
    assert sorted(tasks) == ["rerank"] * 3 + ["select"] * 3
    assert {content: len(tags) for content, tags in rows.items()} == {"s": 1, "t": 1, "v": 1}
    assert {confidence for tags in rows.values() for _, confidence in tags} == {1.0}
    assert rows["s"][0][0] == "vegan", "soup is the likelier one, so it stood first in the list"
    again, _, asked = rank(before)
    assert (again, asked) == (rows, [])
