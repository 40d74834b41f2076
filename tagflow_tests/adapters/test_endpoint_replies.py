"""What a reply with status 200 says, however odd; and how tokens are estimated."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagflow.adapters.endpoint_errors import Fault, Place
from tagflow.adapters.endpoint_replies import Reply, read_reply
from tagflow.adapters.endpoint_requests import estimate_prompt
from tagflow.calls import Call, Sample

PLACE = Place("example.org", "some-model")
CALL = Call("propose", "record", (("user", "question"),), 20)
YES_NO = Call("judge", "record", (("user", "question"),), 4, yes_no=True)


def make_choice(text: object = "soup", finish: str = "stop", **more: Any) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": text}, "finish_reason": finish, **more}


def read(payload: object, call: Call = CALL) -> Reply | Fault:
    return read_reply(PLACE, call, json.dumps(payload).encode())


def read_first(top: object) -> tuple[tuple[str, float], ...] | None:
    logprobs = {"content": [{"token": "Yes", "logprob": -0.1, "top_logprobs": top}]}
    reply = read({"choices": [make_choice("Yes", logprobs=logprobs)]}, YES_NO)
    assert isinstance(reply, Reply)
    return reply.samples[0].first


def test_a_completion_is_read() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 2}
    assert read({"choices": [make_choice()], "usage": usage, "model": "m"}) == Reply(
        "answered", "", (Sample("soup"),), "m", 5, 2, True
    )


def test_a_text_in_parts_is_put_together() -> None:
    reply = read({"choices": [make_choice([{"type": "text", "text": "so"}, {"text": "up"}, {"image": 1}, 3])]})
    assert isinstance(reply, Reply)
    assert reply.samples == (Sample("soup"),)


@pytest.mark.parametrize("text", [None, "", "  \n", [], 7, {"text": "soup"}])
def test_an_answer_without_text_is_none(text: object) -> None:
    found = read({"choices": [make_choice(text)]})
    assert isinstance(found, Fault)
    assert (found.kind, found.paid) == ("unusable", True)


def test_more_choices_than_were_asked_for_are_left_out() -> None:
    reply = read({"choices": [make_choice("a"), make_choice("b")]})
    assert isinstance(reply, Reply)
    assert reply.samples == (Sample("a"),)


@pytest.mark.parametrize(
    ("second", "outcome", "texts"),
    [
        (make_choice("b"), "answered", ["a", "b"]),
        (make_choice("b", "length"), "truncated", ["a", "b"]),
        (make_choice("b", "content_filter"), "filtered", []),
        ({"message": {"content": None, "refusal": "no"}}, "refused", []),
    ],
)
def test_the_worst_of_several_samples_counts(second: dict[str, Any], outcome: str, texts: list[str]) -> None:
    call = Call("propose", "record", (("user", "question"),), 20, samples=2)
    reply = read({"choices": [make_choice("a"), second]}, call)
    assert isinstance(reply, Reply)
    assert (reply.outcome, [sample.text for sample in reply.samples]) == (outcome, texts)


def test_log_probabilities_are_taken_as_they_come() -> None:
    top = [{"token": "Yes", "logprob": -0.25}, {"token": " yes", "logprob": -3}, {"token": "No", "logprob": -9999.0}]
    assert read_first(top) == (("Yes", -0.25), (" yes", -3.0), ("No", -9999.0))


@pytest.mark.parametrize(
    "top",
    [None, [], {}, "Yes", [None], [{"token": "Yes"}], [{"token": "Yes", "logprob": None}], [{"logprob": -1.0}],
     [{"token": "Yes", "logprob": 0.9}, {"token": "No", "logprob": 0.1}], [{"token": "Yes", "logprob": True}]],
)  # fmt: skip
def test_what_is_no_log_probability_is_not_taken_for_one(top: object) -> None:
    assert read_first(top) is None


def test_log_probabilities_without_a_number_are_left_out_and_the_others_stay() -> None:
    assert read_first([{"token": "Yes", "logprob": -0.5}, {"token": "No", "logprob": None}]) == (("Yes", -0.5),)


def test_log_probabilities_are_not_looked_for_where_no_yes_or_no_was_asked() -> None:
    logprobs = {"content": [{"top_logprobs": [{"token": "soup", "logprob": -0.5}]}]}
    reply = read({"choices": [make_choice(logprobs=logprobs)]})
    assert isinstance(reply, Reply)
    assert reply.samples[0].first is None


@pytest.mark.parametrize(
    "usage",
    [None, {}, [], "many", {"prompt_tokens": 5}, {"prompt_tokens": 0, "completion_tokens": 0},
     {"prompt_tokens": -1, "completion_tokens": 2}, {"prompt_tokens": 10**12, "completion_tokens": 2},
     {"prompt_tokens": True, "completion_tokens": 2}, {"prompt_tokens": 5.5, "completion_tokens": 2}],
)  # fmt: skip
def test_a_usage_that_says_nothing_is_estimated(usage: object) -> None:
    reply = read({"choices": [make_choice()], "usage": usage})
    assert isinstance(reply, Reply)
    # "question" is 8 letters: 3 tokens, and 8 around them; "soup" is 4 letters: 2
    assert (reply.prompt_tokens, reply.completion_tokens, reply.counted) == (11, 2, False)


def test_a_prompt_is_estimated_by_the_letters_and_marks_that_it_was_packed_by() -> None:
    schema = Call("propose", "r", (("system", "abc"), ("user", "标签 42")), 20, schema='{"a":1}')
    marks, letters = 6, 1 / 3  # {"":1} and a
    assert estimate_prompt(schema) == (8 + 1) + (8 + math.ceil(2 * 1.5 + 1 / 3 + 2)) + math.ceil(marks + letters)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["choices", "message", "content", "error", "code", "usage", "logprobs", "top_logprobs", "model",
                         "token", "logprob", "finish_reason", "refusal", "prompt_tokens", "completion_tokens"]),
        inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(JSON, st.booleans())
def test_no_json_whatsoever_is_taken_for_an_answer_or_breaks_the_reader(payload: Any, yes_no: bool) -> None:
    for given_payload in (payload, {"choices": payload}, {"choices": [payload]}, {"choices": [{"message": payload}]}):
        found = read(given_payload, YES_NO if yes_no else CALL)
        assert isinstance(found, Fault) or all(isinstance(sample.text, str) for sample in found.samples)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=50))
def test_no_bytes_whatsoever_break_the_reader(body: bytes) -> None:
    assert isinstance(read_reply(PLACE, CALL, body), Fault)
