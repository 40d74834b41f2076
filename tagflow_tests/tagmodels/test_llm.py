"""The tag model of a language model, on models in memory whose answers are worked out by hand."""

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest

from tagflow.adapters.local_engine import LocalEngine
from tagflow.calls import OUTCOMES, Answer, Call, Sample, make_key
from tagflow.confidence.rungs import RungCalibration
from tagflow.decisions import TagGroup, TagRules
from tagflow.errors import ModelError
from tagflow.knowledge.injection import Knowledge
from tagflow.prompts.rendering import load_prompts
from tagflow.schemas import CANDIDATE_TAGS, KNOWLEDGE_BASE
from tagflow.tagmodels.llm import LLMTagModel
from tagflow.tagmodels.writing import Limits
from tagflow_tests.language_models import (
    WORDS_ONLY,
    ScriptedModel,
    Silence,
    asked_tag,
    first,
    listed,
    numbers,
    recalled,
    shown,
    words,
)
from tagflow_tests.worlds import raw_clues, said, tag_set

TAGS = {"soup": ["broth"], "bread": ["loaf"], "travel": [], "salt, pepper": []}
A, B, C = said("a", title="Soup of the day"), said("b", title="bread"), said("c", title="travel")
PAIRS = recalled(("a", "soup", 0.9), ("a", "bread", 0.5), ("b", "soup", 0.2), ("b", "bread", 0.8))

Script = Callable[[Call], Answer]


def tag_model(script: Script | ScriptedModel, *, language: str = "en", **parts: Any) -> LLMTagModel:
    model = script if isinstance(script, ScriptedModel) else ScriptedModel(script)
    knowledge = parts.pop("knowledge", Knowledge(tag_set(TAGS)))
    return LLMTagModel(model, knowledge, load_prompts(language, "recipe videos"), LocalEngine(), Silence(), **parts)


def always(*texts: str, outcome: str = "answered") -> Script:
    return lambda call: words(*texts, outcome=outcome)


def in_turn(*answers: Answer) -> Script:
    left = iter(answers)
    return lambda call: next(left)


def rows(frame: pl.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    return frame.select(columns).rows()


# --- propose


def test_votes_count_the_answers_that_say_a_tag_in_any_spelling() -> None:
    """Two of five say rye, three say soup, one of them twice; the fifth is prose, and votes for nothing."""
    model = ScriptedModel(
        always('{"tags": ["soup", "Soup"]}', '{"tags": ["SOUP", "rye"]}', '{"tags": ["soup"]}', '["Rye"]', "no idea")
    )
    proposed = tag_model(model).propose(raw_clues(A))
    assert proposed.rows() == [("a", "soup", 3, pytest.approx(0.6)), ("a", "rye", 2, pytest.approx(0.4))]
    assert proposed.schema == CANDIDATE_TAGS.tables["candidate_tags"].dtypes
    (call,) = model.asked
    assert (call.task, call.record, call.samples, call.temperature) == ("propose", "a", 5, 1.5)
    assert call.fields == ("title",)
    assert not call.yes_no
    assert call.schema is not None


def test_contents_keep_their_order_and_ties_go_by_name() -> None:
    proposed = tag_model(always('{"tags": ["zest", "apple"]}')).propose(raw_clues(C, A))
    assert rows(proposed, "content_id", "tag") == [("c", "apple"), ("c", "zest"), ("a", "apple"), ("a", "zest")]


def test_at_most_so_many_tags_of_a_content_the_best_ones() -> None:
    answers = ['{"tags": ["t1", "t2"]}', '{"tags": ["t3", "t2"]}', '{"tags": ["t4", "t2"]}']
    proposed = tag_model(always(*answers), limits=Limits(proposals=2, samples=3)).propose(raw_clues(A))
    assert proposed.rows() == [("a", "t2", 3, 1.0), ("a", "t1", 1, pytest.approx(1 / 3))]


def test_a_content_without_text_is_not_asked_about() -> None:
    model = ScriptedModel(always('{"tags": ["x"]}'))
    assert tag_model(model).propose(raw_clues(said("mute", title="?!"))).is_empty()
    assert model.asked == []


def test_words_of_the_instructions_are_no_tags_unless_the_content_says_them() -> None:
    model = tag_model(always('{"tags": ["first tag", "JSON object", "subjects", "noodles"]}'))
    assert rows(model.propose(raw_clues(A)), "tag") == [("noodles",)]
    assert model.counts["leaked"] == 3
    proposed = tag_model(always('{"tags": ["JSON object"]}')).propose(
        raw_clues(said("j", title="What a JSON object is"))
    )
    assert rows(proposed, "tag") == [("JSON object",)]


def test_the_proposer_follows_what_decides_the_proposals() -> None:
    plain = tag_model(always())
    assert plain.proposer == tag_model(always()).proposer
    others = [
        tag_model(always(), limits=Limits(samples=3)),
        tag_model(always(), fields=("title",)),
        tag_model(always(), redact=str.upper),
        tag_model(always(), language="zh"),
    ]
    other_model = ScriptedModel(always())
    other_model.fingerprint = "elsewhere"
    others.append(tag_model(other_model))
    assert len({model.proposer for model in (plain, *others)}) == 6


# --- select


def test_only_chosen_pairs_are_kept_with_all_their_columns() -> None:
    model = ScriptedModel(lambda call: words(numbers(1)))
    selected = tag_model(model).select(PAIRS, raw_clues(A, B))
    assert rows(selected, "content_id", "tag_id", "choice") == [("a", "soup", 1.0), ("b", "bread", 1.0)]
    assert selected.columns == [*PAIRS.columns, "choice"]
    assert [call.samples for call in model.asked] == [1, 1]


def test_the_likeliest_by_recall_have_the_first_numbers_and_no_more_than_the_limit_are_shown() -> None:
    seen = {}

    def choose_all(call: Call) -> Answer:
        seen[call.record] = listed(call)
        return words(numbers(*range(1, 30)))

    tags = {f"tag {number:02}": [] for number in range(30)}
    pairs = recalled(*(("a", name, int(name[-2:]) / 100) for name in tags))
    model = tag_model(choose_all, knowledge=Knowledge(tag_set(tags)))
    selected = model.select(pairs, raw_clues(A))
    assert seen["a"] == {place + 1: f"tag {29 - place:02}" for place in range(20)}
    assert set(selected["tag_id"]) == {f"tag {number:02}" for number in range(10, 30)}
    assert model.counts["hallucinated"] == 9  # 21 to 29


def test_aliases_and_names_count_as_their_candidate_and_nothing_else_does() -> None:
    model = tag_model(always(numbers("Broth", "salt, pepper", "travel", "wine", 7)))
    pairs = recalled(("a", "soup"), ("a", "bread"), ("a", "salt, pepper"))
    selected = model.select(pairs, raw_clues(A))
    assert set(selected["tag_id"]) == {"soup", "salt, pepper"}  # travel is a tag, but was not among the candidates
    assert model.counts["hallucinated"] == 3


def test_several_answers_choose_by_their_share() -> None:
    model = tag_model(always(numbers(1), numbers(1, 2), "what?", numbers()), limits=Limits(choices=4))
    selected = model.select(recalled(("a", "soup", 0.9), ("a", "bread")), raw_clues(A))
    assert rows(selected, "tag_id", "choice") == [("soup", 0.5), ("bread", 0.25)]


def test_none_fits_is_an_answer_and_no_failure() -> None:
    model = tag_model(always(numbers()))
    assert model.select(PAIRS, raw_clues(A, B)).is_empty()
    assert model.failures.is_empty()


def test_no_pairs_need_no_question() -> None:
    model = ScriptedModel(always())
    selected = tag_model(model).select(PAIRS.clear(), raw_clues(A))
    assert selected.columns == [*PAIRS.columns, "choice"]
    assert tag_model(model).judge(PAIRS.clear(), raw_clues(A)).tolist() == []
    assert model.asked == []


def test_what_people_alone_give_is_not_shown_and_rules_go_by_number() -> None:
    rules = TagRules(
        manual_only=("travel",),
        excludes=(("bread", "broth"),),
        groups={"kind": TagGroup(tags=("soup", "bread"), at_most=1)},
        languages={"salt, pepper": ("de",)},
    )
    model = ScriptedModel(always(numbers(1)))
    pairs = recalled(("a", "travel", 0.9), ("a", "soup", 0.8), ("a", "bread", 0.7), ("a", "salt, pepper", 0.6))
    tag_model(model, knowledge=Knowledge(tag_set(TAGS), rules)).select(pairs, raw_clues(A))
    assert listed(model.asked[0]) == {1: "soup", 2: "bread"}
    assert "- never 1 and 2 together\n- of 1, 2 at most 1\n" in model.asked[0].messages[1][1]


def knowledge_of(neighbours: Sequence[tuple[str, str, float]], contents: pl.DataFrame) -> Knowledge:
    samples = pl.DataFrame(
        [
            (content_id, tag_id, right, origin)
            for content_id in contents["content_id"]
            for tag_id, right, origin in (("soup", True, "annotated"), ("bread", False, "reviewed"))
        ],
        schema=KNOWLEDGE_BASE.tables["knowledge_base"].dtypes,
        orient="row",
    )
    near = pl.DataFrame(list(neighbours), schema=["content_id", "neighbour", "weight"], orient="row")
    return Knowledge(tag_set(TAGS), samples=samples, contents=contents, neighbours=near)


def test_the_nearest_samples_are_shown_right_and_wrong_but_never_the_content_itself_or_its_copy() -> None:
    """Of five neighbours the content itself and its copy do not count; the three nearest of the others are shown."""
    known = raw_clues(
        A,
        {**A, "content_id": "copy"},
        *(said(f"n{number}", title=f"neighbour {number}", asr="secret speech") for number in range(4)),
    )
    near = [("a", "n3", 0.1), ("a", "n1", 0.8), ("a", "a", 1.0), ("a", "n2", 0.5), ("a", "copy", 1.0), ("a", "n0", 0.9)]
    model = ScriptedModel(always(numbers(1)))
    tag_model(model, knowledge=knowledge_of(near, known), fields=("title",)).select(PAIRS[:2], raw_clues(A))
    prompt = model.asked[0].messages[1][1]
    places = [
        prompt.find(f'{{"title": "neighbour {number}"}}\n  right: "soup"\n  wrong: "bread"') for number in range(3)
    ]
    assert 0 < places[0] < places[1] < places[2]
    assert "neighbour 3" not in prompt
    assert prompt.count("Soup of the day") == 1
    assert "secret" not in prompt


def test_definitions_are_shown_of_the_first_three() -> None:
    tagset = tag_set(TAGS).with_columns(description=pl.format("about {}", "tag"))
    model = ScriptedModel(always(numbers(1)))
    pairs = recalled(("a", "soup", 0.9), ("a", "bread", 0.8), ("a", "travel", 0.7), ("a", "salt, pepper", 0.6))
    tag_model(model, knowledge=Knowledge(tagset)).select(pairs, raw_clues(A))
    prompt = model.asked[0].messages[1][1]
    assert '3. "travel": "about travel"\n4. "salt, pepper"\n' in prompt


def test_ordering_gives_a_choice_that_falls_by_equal_steps() -> None:
    pairs = recalled(("a", "soup", 0.9), ("a", "bread", 0.8), ("a", "travel", 0.7), ("a", "salt, pepper", 0.6))
    ordered = tag_model(always(numbers(3, 1))).rerank(pairs, raw_clues(A))
    assert rows(ordered, "tag_id", "choice") == [("soup", 0.75), ("travel", 1.0)]


# --- judge


def test_the_judge_reads_log_probabilities_where_the_endpoint_gives_them() -> None:
    odds = {"soup": (0.6, 0.2), "bread": (0.1, 0.3)}

    def answer(call: Call) -> Answer:
        yes, no = odds[asked_tag(call)]
        return first((" Yes", math.log(yes)), ("No", math.log(no)))

    model = ScriptedModel(answer)
    llm = tag_model(model)
    assert llm.judge(PAIRS, raw_clues(B, A)).tolist() == pytest.approx([0.75, 0.25, 0.75, 0.25])
    assert {(call.yes_no, call.schema, call.samples, call.max_tokens) for call in model.asked} == {(True, None, 1, 1)}
    told = {(content, tag): (rung, mass) for content, tag, rung, mass in llm.rungs.rows()}
    assert told["a", "soup"] == ("logprobs", pytest.approx(0.8))
    assert len(told) == 4


def test_one_token_that_ends_at_its_limit_is_an_answer() -> None:
    odds = (Sample("Yes", (("Yes", math.log(0.5)), ("No", math.log(0.5)))),)
    llm = tag_model(lambda call: Answer("truncated", samples=odds, requests=1))
    assert llm.judge(PAIRS, raw_clues(A, B)).tolist() == [0.5] * 4


def test_without_log_probabilities_the_ladder_goes_down_and_says_so() -> None:
    """soup: the endpoint's log-probabilities are there; bread: null, then 3 of 4 readable answers; travel: a number."""

    def answer(call: Call) -> Answer:
        tag = asked_tag(call)
        if tag == "soup":
            return first(("Yes", math.log(0.9)), ("No", math.log(0.1)))
        if call.yes_no:
            return Answer("answered", samples=(Sample("Yes"),), requests=1)
        if call.samples > 1:
            return words(*(["Yes", "yes", "No", "Yes", "hm"] if tag == "bread" else ["hm"] * 5))
        return words("85")

    pairs = recalled(("a", "soup"), ("a", "bread"), ("a", "travel"))
    llm = tag_model(answer)
    assert llm.judge(pairs, raw_clues(A)).tolist() == pytest.approx([0.9, 0.75, 0.85])
    assert dict(rows(llm.rungs, "tag_id", "rung")) == {"soup": "logprobs", "bread": "agreement", "travel": "verbal"}
    assert llm.failures.is_empty()
    assert llm.counts["judged_agreement"] == 1


def test_an_endpoint_without_log_probabilities_is_not_asked_for_them() -> None:
    model = ScriptedModel(always("Yes", "Yes", "No", "Yes", "Yes"), WORDS_ONLY)
    assert tag_model(model).judge(PAIRS[:1], raw_clues(A)).tolist() == [0.8]
    assert [(call.yes_no, call.samples, call.temperature) for call in model.asked] == [(False, 5, 1.0)]


def test_what_nothing_can_tell_is_not_a_number_and_the_content_is_accounted_for() -> None:
    """Five prose answers, then no number, then no number again: 0 would prune all tags, 1 would keep all."""
    model = ScriptedModel(always("I would rather not say"), WORDS_ONLY)
    llm = tag_model(model)
    judged = llm.judge(PAIRS, raw_clues(A, B))
    assert np.isnan(judged).all()
    assert set(rows(llm.rungs, "rung")) == {(None,)}
    assert rows(llm.failures, "content_id", "task", "outcome", "requests") == [
        ("a", "judge", "unusable", 6),  # two pairs of three requests each
        ("b", "judge", "unusable", 6),
    ]


def test_one_pair_without_a_number_does_not_touch_the_others() -> None:
    """One of the anchors put zeros in the place of failed answers and averaged them in."""

    def answer(call: Call) -> Answer:
        return words(outcome="refused") if asked_tag(call) == "bread" else first(("Yes", -0.1), ("No", -2.3))

    llm = tag_model(answer)
    judged = llm.judge(PAIRS, raw_clues(A, B))
    assert np.isnan(judged).tolist() == [False, True, False, True]
    assert set(rows(llm.failures, "content_id", "outcome")) == {("a", "refused"), ("b", "refused")}


def test_a_refused_parameter_is_not_the_end() -> None:
    llm = tag_model(lambda call: words(outcome="rejected") if call.yes_no else words(*["No"] * 5))
    assert llm.judge(PAIRS[:1], raw_clues(A)).tolist() == [0.0]
    assert rows(llm.rungs, "rung") == [("agreement",)]


def test_a_calibration_is_applied_and_said() -> None:
    answer = always()
    assert not tag_model(answer).calibrated
    known = {"rung": ["logprobs"], "way": ["line"], "knots": [[-9.0, 9.0]], "levels": [[-10.0, 8.0]]}  # one less
    fitted = RungCalibration(pl.DataFrame(known))
    llm = tag_model(lambda call: first(("Yes", math.log(0.8)), ("No", math.log(0.2))), calibrate=fitted)
    assert (llm.calibrated, llm.calibrated_rungs) == (True, {"logprobs"})
    judged = llm.judge(PAIRS[:1], raw_clues(A))
    assert judged.tolist() == pytest.approx([0.8])
    assert llm.calibrate(judged, ["logprobs"]).tolist() == pytest.approx([4 / (4 + math.e)]), "odds of 4 to e"
    assert llm.calibrate(judged, ["verbal"]).tolist() == pytest.approx([0.8])


def test_the_judge_is_told_what_the_tag_stands_for() -> None:
    model = ScriptedModel(lambda call: first(("Yes", -0.1), ("No", -2.3)))
    tagset = tag_set(TAGS).with_columns(description=pl.lit("line one\nline two " + "x" * 500))
    tag_model(model, knowledge=Knowledge(tagset)).judge(PAIRS[:1], raw_clues(A))
    (line,) = [line for line in model.asked[0].messages[1][1].splitlines() if line.startswith("What it stands for")]
    assert line.startswith('What it stands for: "line one line two xxx')
    assert line.endswith('…"')


# --- faults


def test_an_unusable_answer_is_asked_for_once_more_with_the_reason() -> None:
    model = ScriptedModel(in_turn(words("soup, I think"), words(numbers(2))))
    llm = tag_model(model)
    assert rows(llm.select(PAIRS[:2], raw_clues(A)), "tag_id") == [("bread",)]
    assert [("could not be used" in call.messages[1][1]) for call in model.asked] == [False, True]
    assert make_key("e", "m", model.asked[0]) != make_key("e", "m", model.asked[1])
    assert llm.failures.is_empty()


def test_asking_once_more_is_all_that_is_done() -> None:
    model = ScriptedModel(always("soup, I think"))
    llm = tag_model(model)
    assert llm.select(PAIRS[:2], raw_clues(A)).is_empty()
    assert len(model.asked) == 2
    assert llm.failures.rows() == [("a", "select", "unusable", "it was not the JSON object asked for", 2)]


def test_answers_that_came_to_nothing_are_dropped_and_those_that_came_to_something_are_not() -> None:
    model = ScriptedModel(in_turn(words("no"), words("no again"), words("no"), words('{"tags": ["soup"]}')))
    tag_model(model, limits=Limits(samples=1)).propose(raw_clues(A))
    assert [call.messages for call in model.discarded] == [call.messages for call in model.asked]
    assert len(model.discarded) == 2
    tag_model(model, limits=Limits(samples=1)).propose(raw_clues(A))
    assert len(model.asked) == 4
    assert len(model.discarded) == 2


def test_a_verdict_keeps_the_steps_it_took_down_the_ladder_unless_nothing_could_tell() -> None:
    def answer(call: Call) -> Answer:
        if call.yes_no or call.samples > 1:
            return words(*["perhaps"] * call.samples)
        return words("70" if "soup" in asked_tag(call) else "a lot")

    model = ScriptedModel(answer)
    judged = tag_model(model).judge(PAIRS[:2], raw_clues(A))
    assert judged.tolist() == pytest.approx([0.7, math.nan], nan_ok=True)
    assert {asked_tag(call) for call in model.discarded} == {"bread"}
    assert len(model.discarded) == 4  # log-probabilities, agreement, a number, and the number asked for again


def test_a_prompt_that_is_too_long_is_shortened_once() -> None:
    long = said("a", title="Soup", asr="boil the water and stir " * 200)
    model = ScriptedModel(in_turn(words(outcome="too_long"), words(numbers(1))))
    llm = tag_model(model)
    assert rows(llm.select(PAIRS[:2], raw_clues(long)), "tag_id") == [("soup",)]
    before, after = (sum(map(len, shown(call).values())) for call in model.asked)
    assert 0.3 * before < after < 0.6 * before
    assert rows(llm.cuts, "content_id", "task", "field", "total") == [("a", "select", "asr", 4800)]
    twice = ScriptedModel(always(outcome="too_long"))
    again = tag_model(twice)
    assert again.select(PAIRS[:2], raw_clues(long)).is_empty()
    assert len(twice.asked) == 2
    assert rows(again.failures, "outcome", "requests") == [("too_long", 2)]


def test_an_answer_that_broke_off_gets_a_larger_cap_once_and_its_part_is_never_used() -> None:
    model = ScriptedModel(in_turn(words('{"tags": ["half"]}', outcome="truncated"), words('{"tags": ["whole"]}')))
    assert rows(tag_model(model).propose(raw_clues(A)), "tag") == [("whole",)]
    assert model.asked[1].max_tokens == 4 * model.asked[0].max_tokens
    broken = tag_model(always('{"tags": ["half"]}', outcome="truncated"))
    assert broken.propose(raw_clues(A)).is_empty()
    assert rows(broken.failures, "outcome", "requests") == [("truncated", 2)]


@pytest.mark.parametrize("outcome", ["truncated", "too_long"])
def test_a_first_try_that_failed_is_not_paid_again_where_the_second_one_is_kept(outcome: str) -> None:
    long = said("a", title="Soup", asr="boil the water and stir " * 200)
    first = ScriptedModel(in_turn(words('{"tags": ["half"]}', outcome=outcome), words('{"tags": ["whole"]}')))
    told = tag_model(first)
    told.propose(raw_clues(long))
    again = ScriptedModel(always('{"tags": ["whole"]}'))
    again.kept = {first.asked[1]}
    llm = tag_model(again)
    assert rows(llm.propose(raw_clues(long, C)), "content_id", "tag") == [("a", "whole"), ("c", "whole")]
    assert [call for call in again.asked if call.record == "a"] == [first.asked[1]]
    assert len([call for call in again.asked if call.record == "c"]) == 1
    cuts = [rows(each.cuts.filter(pl.col("content_id") == "a"), "field", "kept", "total") for each in (told, llm)]
    assert cuts[0] == cuts[1]


@pytest.mark.parametrize("outcome", [one for one in OUTCOMES if one not in ("answered", "truncated", "too_long")])
def test_every_other_outcome_ends_the_question_and_is_accounted_for(outcome: str) -> None:
    def answer(call: Call) -> Answer:
        if call.record == "b":
            return Answer(outcome, reason="why", requests=3)
        return words('{"tags": ["x"]}') if call.task == "propose" else words(numbers(1))

    llm = tag_model(answer)
    assert set(llm.propose(raw_clues(A, B, C))["content_id"]) == {"a", "c"}
    assert set(llm.select(PAIRS, raw_clues(A, B))["content_id"]) == {"a"}
    reason = "why" if outcome != "unusable" else llm.failures["reason"][0]
    requests = 3 if outcome != "unusable" else 6
    assert llm.failures.rows() == [
        ("b", "propose", outcome, reason, requests),
        ("b", "select", outcome, reason, requests),
    ]


def test_a_content_that_is_answered_later_is_no_failure_any_more() -> None:
    llm = tag_model(in_turn(words(outcome="exhausted"), words('{"tags": ["x"]}')))
    assert llm.propose(raw_clues(A)).is_empty()
    assert len(llm.failures) == 1
    assert len(llm.propose(raw_clues(A))) == 1
    assert llm.failures.is_empty()


def test_what_waits_counts_before_what_failed() -> None:
    def answer(call: Call) -> Answer:
        return words(outcome="over_budget" if asked_tag(call) == "bread" else "filtered")

    llm = tag_model(answer)
    llm.judge(PAIRS[:2], raw_clues(A))
    assert rows(llm.failures, "content_id", "outcome", "requests") == [("a", "over_budget", 2)]


def test_an_endpoint_that_refuses_everything_ends_the_run() -> None:
    def refuse(call: Call) -> Answer:
        raise ModelError("the key is refused")

    with pytest.raises(ModelError, match="key"):
        tag_model(refuse).propose(raw_clues(A))


def test_candidates_that_leave_no_room_are_told_and_not_sent() -> None:
    model = ScriptedModel(always(numbers(1)))
    llm = tag_model(model, limits=Limits(context=300))
    assert llm.select(PAIRS, raw_clues(A, B)).is_empty()
    assert model.asked == []
    assert set(rows(llm.failures, "outcome", "requests")) == {("too_long", 0)}


def test_instructions_and_candidates_are_never_what_is_cut() -> None:
    huge = said("a", title="Soup", ocr="noise " * 5000, asr="boil the water and stir " * 5000)
    model = ScriptedModel(always(numbers(1)))
    llm = tag_model(model, limits=Limits(context=1500))
    llm.select(PAIRS[:2], raw_clues(huge))
    (call,) = model.asked
    assert listed(call) == {1: "soup", 2: "bread"}
    assert shown(call)["title"] == "Soup"
    assert call.messages[1][1].rstrip().endswith("answer with the JSON object described above.")
    assert sum(len(text) for _, text in call.messages) < 1500 * 4
    assert set(rows(llm.cuts, "field")) == {("ocr",), ("asr",)}


# --- privacy


def test_only_the_fields_named_leave_and_the_call_says_which() -> None:
    content = said("a", title="Soup", caption="my caption", asr="my speech")
    model = ScriptedModel(lambda call: words(numbers(1)) if call.task == "select" else first(("Yes", -0.1), ("No", -2)))
    llm = tag_model(model, fields=("title", "asr"))
    llm.select(PAIRS[:1], raw_clues(content))
    llm.judge(PAIRS[:1], raw_clues(content))
    assert [shown(call) for call in model.asked] == [{"title": "Soup", "asr": "my speech"}] * 2
    assert {call.fields for call in model.asked} == {("title", "asr")}


def test_a_content_with_none_of_these_fields_is_accounted_for() -> None:
    model = ScriptedModel(always())
    llm = tag_model(model, fields=("ocr",))
    assert llm.propose(raw_clues(A)).is_empty()
    assert llm.select(PAIRS[:1], raw_clues(A)).is_empty()
    assert np.isnan(llm.judge(PAIRS[:1], raw_clues(A))).all()
    assert rows(llm.failures, "content_id", "task", "outcome", "requests") == [
        ("a", task, "rejected", 0) for task in ("propose", "select", "judge")
    ]
    assert model.asked == []


def test_redaction_comes_before_everything_that_is_shown() -> None:
    near = [("a", "n", 0.9)]
    known = raw_clues(said("n", title="call 555-0100"))
    model = ScriptedModel(always(numbers(1)))
    llm = tag_model(model, knowledge=knowledge_of(near, known), redact=lambda text: text.replace("555-0100", "[phone]"))
    llm.select(PAIRS[:1], raw_clues(said("a", title="soup, order at 555-0100")))
    prompt = model.asked[0].messages[1][1]
    assert "555-0100" not in prompt
    assert prompt.count("[phone]") == 2


# --- questions about tags


def test_the_grey_band_is_asked_within_its_budget() -> None:
    pairs = pl.DataFrame({"left": ["soup", "pho", "x"], "right": ["broth", "ramen", "y"]})

    def answer(call: Call) -> Answer:
        yes = 0.9 if '"broth"' in call.messages[1][1] else 0.2
        return first(("Yes", math.log(yes)), ("No", math.log(1 - yes)))

    model = ScriptedModel(answer)
    confirmed = tag_model(model).confirm(pairs, most=2)
    assert rows(confirmed, "left", "right", "choice", "rung", "outcome") == [
        ("soup", "broth", pytest.approx(0.9), "logprobs", "answered"),
        ("pho", "ramen", pytest.approx(0.2), "logprobs", "answered"),
        ("x", "y", None, None, "over_budget"),
    ]
    assert [call.record for call in model.asked] == ["soup / broth", "pho / ramen"]
    assert {call.fields for call in model.asked} == {()}


def test_a_pair_without_an_answer_has_no_choice() -> None:
    pairs = pl.DataFrame({"left": ["a"], "right": ["b"], "left_definition": ["first letter"]})
    model = ScriptedModel(always(outcome="filtered"))
    assert rows(tag_model(model).confirm(pairs), "choice", "outcome") == [(None, "filtered")]
    assert '"first letter"' in model.asked[0].messages[1][1]


def test_tags_are_described_from_contents_that_carry_them() -> None:
    tags = tag_set({"soup": ["broth"], "bread": []})
    examples = raw_clues(A, B).with_columns(tag_id=pl.lit("soup"))
    model = ScriptedModel(always('{"definition": "What is spooned."}'))
    described = tag_model(model).describe(tags, examples)
    assert rows(described, "tag_id", "description", "outcome") == [
        ("soup", "What is spooned.", "answered"),
        ("bread", None, "rejected"),
    ]
    prompt = model.asked[0].messages[1][1]
    assert 'Also written: "broth"' in prompt
    assert '{"title": "Soup of the day"}\n{"title": "bread"}\n' in prompt
    assert model.asked[0].fields == ("title",)


# --- an oracle with an error rate


def test_an_oracle_with_a_known_error_rate_is_measured_as_one() -> None:
    """The oracle knows whether a title names a candidate and errs in 20 of 100 of its choices, by a fixed seed.

    400 contents, 4 candidates each, 1 of them right: precision and recall follow from how often it erred by hand:
    a wrong choice turns the right candidate off or a wrong one on.
    """
    names = list(TAGS)
    draw = random.Random(6)
    expected: Counter[str] = Counter()
    contents = raw_clues(*(said(f"c{n}", title=names[n % 4]) for n in range(400)))
    pairs = recalled(*((f"c{n}", name) for n in range(400) for name in names))

    def oracle(call: Call) -> Answer:
        chosen = []
        for number, name in listed(call).items():
            right, errs = name == shown(call)["title"], draw.random() < 0.2
            if right != errs:
                chosen.append(number)
                expected["right" if right else "wrong"] += 1
        return words(numbers(*chosen))

    selected = tag_model(oracle).select(pairs, contents)
    titles = dict(rows(contents.with_columns(title=pl.col("text")), "content_id", "title"))
    hits = sum(titles[content_id] == tag_id for content_id, tag_id in rows(selected, "content_id", "tag_id"))
    assert (hits, len(selected) - hits) == (expected["right"], expected["wrong"])
    assert hits / 400 == pytest.approx(0.8, abs=0.06)  # three standard deviations of 400 draws
    assert (len(selected) - hits) / 1200 == pytest.approx(0.2, abs=0.035)


def test_a_model_that_makes_up_a_third_of_its_answers_leaves_nothing_foreign() -> None:
    llm = tag_model(always(numbers(1, 9, "wine", "soup\u200b", "2. soup", "Travel", 2)))
    selected = llm.select(PAIRS[:2], raw_clues(A))
    assert set(selected["tag_id"]) == {"soup", "bread"}
    assert llm.counts["hallucinated"] >= 4


def test_the_same_question_has_the_same_key_every_time() -> None:
    keys = []
    for _ in range(2):
        model = ScriptedModel(always(numbers(1)))
        tag_model(model).select(PAIRS, raw_clues(A, B))
        keys.append([make_key("e", "m", call) for call in model.asked])
    assert keys[0] == keys[1]
    assert len(set(keys[0])) == 2


def test_chinese_contents_are_asked_in_chinese() -> None:
    model = ScriptedModel(lambda call: first(("是", math.log(0.8)), ("否", math.log(0.2))))
    judged = tag_model(model, language="zh").judge(PAIRS[:1], raw_clues(said("a", title="番茄炒蛋")))
    assert judged.tolist() == pytest.approx([0.8])
    assert asked_tag(model.asked[0]) == "soup"


def test_tags_of_the_packaged_example_that_was_shown_are_no_tags_but_those_of_ones_own_are() -> None:
    """A small model repeats its example; which of the three was shown stands in the prompt."""

    def repeat(call: Call) -> Answer:
        example = call.messages[1][1].split('{"tags": ')[1].split("}\n")[0]
        return words(f'{{"tags": {example}}}')

    packaged = tag_model(repeat)
    assert packaged.propose(raw_clues(A, B, C)).is_empty()
    assert packaged.counts["leaked"] >= 9
    own = load_prompts("en", "x", examples='{"clues": {"title": "pho"}, "tags": ["noodle soup"]}')
    knowledge = Knowledge(tag_set(TAGS))
    llm = LLMTagModel(ScriptedModel(repeat), knowledge, own, LocalEngine(), Silence())
    assert rows(llm.propose(raw_clues(A)), "tag") == [("noodle soup",)]


def test_a_pair_whose_content_is_not_given_is_refused() -> None:
    for ask in (tag_model(always()).select, tag_model(always()).judge):
        with pytest.raises(ValueError, match="2 pairs"):
            ask(PAIRS, raw_clues(A))


def test_a_model_that_thinks_gets_room_for_it_except_for_its_one_token() -> None:
    model = ScriptedModel(lambda call: first(("Yes", -0.1)) if call.yes_no else words(*["Yes"] * call.samples))
    tag_model(model, limits=Limits(thinking=500)).judge(PAIRS[:1], raw_clues(A))
    assert [call.max_tokens for call in model.asked] == [1, 516]


def test_verdicts_that_break_off_go_down_the_ladder() -> None:
    model = ScriptedModel(lambda call: words("70") if call.samples == 1 else words(outcome="truncated"), WORDS_ONLY)
    llm = tag_model(model)
    assert llm.judge(PAIRS[:1], raw_clues(A)).tolist() == [0.7]
    assert [call.max_tokens for call in model.asked] == [16, 64, 16]
    assert rows(llm.rungs, "rung") == [("verbal",)]


def test_threads_may_share_the_tag_model() -> None:
    """Eight threads at once: every content is in exactly one place."""
    from concurrent.futures import ThreadPoolExecutor

    class Threads:
        def map(self, function, batches):
            with ThreadPoolExecutor(8) as pool:
                return iter(list(pool.map(function, batches)))

    contents = raw_clues(*(said(f"c{n}", title="Soup") for n in range(2000)))
    model = ScriptedModel(
        lambda call: words(outcome="refused") if call.record.endswith("7") else words('{"tags": ["noodles"]}')
    )
    knowledge = Knowledge(tag_set(TAGS))
    llm = LLMTagModel(model, knowledge, load_prompts("en", "x"), Threads(), Silence())
    proposed = llm.propose(contents)
    assert len(proposed) == 1800
    assert len(llm.failures) == 200
    assert llm.counts["read_strict"] == 1800


def test_a_larger_cap_that_leaves_no_room_is_not_asked_for() -> None:
    """The content is asked about with room for a cap of 192 + 64, and there is none for four times that."""
    model = ScriptedModel(always('{"tags": ["half"', outcome="truncated"))
    llm = tag_model(model, limits=Limits(context=1500))
    assert llm.propose(raw_clues(A)).is_empty()
    assert rows(llm.failures, "outcome", "requests") == [("truncated", 1)]


def test_an_answer_votes_once_for_a_tag_however_it_is_marked_and_names_keep_their_marks() -> None:
    answers = ['{"tags": ["#soup#", "soup", "C", "C#", "C++"]}'] * 5
    proposed = tag_model(always(*answers)).propose(raw_clues(A))
    assert dict(rows(proposed, "tag", "votes")) == {"#soup#": 5, "C": 5, "C#": 5, "C++": 5}
