"""What an endpoint means by a status, a code and a Retry-After."""

import json
import time
from email.utils import formatdate

import pytest

from tagflow.adapters.endpoint_errors import Place, read_error, read_error_in_reply, read_wait

PLACE = Place("example.org", "some-model")


def read(status: int, error: object = None, headers: dict[str, str] | None = None) -> tuple[str, str]:
    body = b"" if error is None else json.dumps({"error": error}).encode()
    fault = read_error(PLACE, status, headers or {}, body)
    assert fault.paid is False
    return fault.kind, fault.reason


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (500, None, "passing"),
        (501, None, "passing"),
        (408, None, "passing"),
        (409, None, "passing"),
        (425, None, "passing"),
        (429, {"code": "rate_limit_exceeded"}, "throttled"),
        (429, {"message": "You exceeded your current quota", "status": "RESOURCE_EXHAUSTED"}, "throttled"),
        (429, {"code": "insufficient_quota"}, "fatal"),
        (429, {"type": "insufficient_quota"}, "fatal"),
        (402, None, "fatal"),
        (401, None, "fatal"),
        (403, None, "fatal"),
        (403, {"message": "flagged by moderation"}, "filtered"),
        (400, {"code": 400, "message": "API key not valid. Please pass one."}, "fatal"),
        (404, {"code": "model_not_found"}, "fatal"),
        (400, {"message": "The model `x` does not exist"}, "fatal"),
        (404, None, "fatal"),
        (302, None, "fatal"),
        (308, None, "fatal"),
        (400, {"code": "context_length_exceeded"}, "too_long"),
        (400, {"code": 400, "type": "exceed_context_size_error"}, "too_long"),
        (400, {"message": "Requested tokens (2061) exceed context window of 2048"}, "too_long"),
        (413, None, "too_long"),
        (429, {"message": "Request too large for this model on tokens per min"}, "too_long"),
        (400, {"code": "content_filter"}, "filtered"),
        (400, {"message": "n must be between 1 and 4"}, "rejected"),
        (500, {"message": "The model produced output that does not match the expected form"}, "truncated"),
        (400, None, "rejected"),
        (422, {"message": "no"}, "rejected"),
        (400, "a text instead of an object", "rejected"),
    ],
)
def test_a_status_and_a_code_say_what_to_do(status: int, error: object, kind: str) -> None:
    assert read(status, error)[0] == kind


def test_a_503_that_says_when_to_come_back_is_obeyed() -> None:
    assert read(503, headers={"retry-after": "3"})[0] == "throttled"
    assert read(503)[0] == "passing"


def test_sentences_name_the_variable_to_look_at_and_the_code_but_nothing_else_that_came_in() -> None:
    assert read(401, {"message": "Incorrect API key provided: sk-abc123", "code": "invalid_api_key"})[1] == (
        "example.org rejects the key (HTTP 401, invalid_api_key): set TAGFLOW_LLM_API_KEY to a valid one"
    )
    assert read(404, {"code": "model_not_found"})[1] == (
        "example.org has no model 'some-model' for this key (HTTP 404, model_not_found): set TAGFLOW_LLM_MODEL to one "
        "it serves"
    )
    assert read(500, {"code": "sk-abc123", "message": "my content"})[1] == "the endpoint failed (HTTP 500)"


def test_bodies_that_are_no_errors_are_read_by_their_status() -> None:
    for body in (b"<html>", b"", b"[]", b"[" * 100_000, b"null", b"\xff\xfe", b'{"detail": "no"}', b'[{"error": {}}]'):
        assert read_error(PLACE, 502, {}, body).kind == "passing"


def test_an_error_with_status_200_is_read_by_its_own_code_and_may_have_been_paid() -> None:
    found = [
        read_error_in_reply(PLACE, {"error": error})
        for error in ({"code": 429}, {"code": "insufficient_quota"}, {"message": "boom"}, "boom", {"code": 400})
    ]
    assert [fault.kind for fault in found] == ["throttled", "fatal", "unusable", "unusable", "rejected"]
    assert all(fault.paid for fault in found)
    assert found[2].reason == "the endpoint failed (error in a reply of HTTP 200)"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": " 2.5 "}, 2.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "x", "retry-after": "9"}, 9.0),
        ({"retry-after": "10000"}, 10000.0),
        ({"retry-after": "inf"}, float("inf")),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
        ({"retry-after": "Wed, 99 Oct 20155555555 07:28:00 GMT"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_where_it_can_be_followed(headers: dict[str, str], seconds: float | None) -> None:
    assert read_wait(headers) == seconds


def test_a_date_to_come_back_at_is_turned_into_seconds() -> None:
    seconds = read_wait({"retry-after": formatdate(time.time() + 60, usegmt=True)})
    assert seconds is not None
    assert 50 < seconds <= 60


@pytest.mark.parametrize(
    ("error", "parameter"),
    [
        ({"param": "max_tokens", "message": "Use 'max_completion_tokens' instead."}, "max_tokens"),
        ({"message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."}, "max_tokens"),
        ({"param": "temperature", "message": "Unsupported value"}, "temperature"),
        ({"message": "temperature must be 1"}, "temperature"),
        ({"message": "no"}, ""),
    ],
)
def test_the_parameter_that_is_complained_about_is_found(error: dict[str, str], parameter: str) -> None:
    assert read_error(PLACE, 400, {}, json.dumps({"error": error}).encode()).parameter == parameter
