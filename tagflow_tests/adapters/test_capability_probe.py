"""What an endpoint does is seen, not believed; and requests keep to what was seen."""

import json

import pytest

from tagflow.adapters.capability_probe import make_probe_key, read_record, write_record
from tagflow.adapters.endpoint_requests import Quirks
from tagflow.calls import Answer, Capabilities, Sample
from tagflow.errors import ModelError
from tagflow_tests.llm.completions import Abilities
from tagflow_tests.llm.desk import KEY, MODEL, PROBE, ask, open_desk
from tagflow_tests.llm.fault_server import FaultServer, Request
from tagflow_tests.llm.ledgers import SmallJournal, SmallMeter

SCHEMA = json.dumps({"type": "object", "properties": {"tags": {"type": "array", "items": {"type": "string"}}}})
ALL = Capabilities(logprobs=True, schema="json_schema", many=True, seed=True, usage=True)


@pytest.mark.parametrize(
    ("abilities", "seen"),
    [
        (Abilities(), ALL),
        (Abilities(logprobs=False), Capabilities(False, "json_schema", True, True, True)),
        (Abilities(schema=("json_object",)), Capabilities(True, "json_object", True, True, True)),
        (Abilities(schema=("json_object",), schema_status=400), Capabilities(True, "json_object", True, True, True)),
        (Abilities(schema=("json_object",), schema_status=500), Capabilities(True, "json_object", True, True, True)),
        (Abilities(schema=()), Capabilities(True, "prompt", True, True, True)),
        (Abilities(schema=(), schema_status=400), Capabilities(True, "prompt", True, True, True)),
        (Abilities(many=1), Capabilities(True, "json_schema", False, True, True)),
        (Abilities(seed=False), Capabilities(True, "json_schema", True, False, True)),
        (Abilities(usage=False), Capabilities(True, "json_schema", True, True, False)),
    ],
)
def test_it_sees_what_the_server_does_and_keeps_it(abilities: Abilities, seen: Capabilities) -> None:
    journal = SmallJournal()
    with FaultServer(abilities=abilities) as server, open_desk(server, journal) as desk:
        assert desk.endpoint.capabilities == seen
        key = make_probe_key(server.url, MODEL)
        assert read_record(journal.find([key])[key]) == (seen, Quirks())
        desk.check_books()


def test_nothing_is_sent_before_it_is_needed_and_five_requests_are_enough() -> None:
    with FaultServer() as server, open_desk(server, probe=False) as desk:
        assert server.requests == []
        desk.ask_one()
        assert len(server.requests) == PROBE + 1
        assert {task for task, _, _ in desk.meter.booked[:PROBE]} == {"probe"}


def test_null_logprobs_with_status_200_are_not_taken_for_logprobs() -> None:
    with FaultServer(abilities=Abilities(logprobs=False)) as server, open_desk(server) as desk:
        answer = desk.ask_one(ask(yes_no=True, max_tokens=4))
        assert answer.samples == (Sample("Yes", None),)
        (request,) = desk.requests
        assert "logprobs" not in request.body
        assert "top_logprobs" not in request.body
        assert request.body["max_tokens"] == 4


def test_logprobs_that_are_refused_with_400_are_not_asked_for_again() -> None:
    def refuse(request: Request) -> str:
        return "400" if "logprobs" in request.body else ""

    with FaultServer(faults=refuse) as server, open_desk(server) as desk:
        assert not desk.endpoint.capabilities.logprobs
        assert desk.ask_one(ask(yes_no=True)).outcome == "answered"
        assert len(desk.requests) == 1


def test_a_yes_or_no_is_one_token_with_twenty_logprobs_and_no_schema() -> None:
    with FaultServer() as server, open_desk(server) as desk:
        answer = desk.ask_one(ask(yes_no=True, schema=SCHEMA))
        assert answer.samples == (Sample("Yes", (("Yes", -0.1), (" yes", -3.0), ("No", -4.0))),)
        body = desk.requests[0].body
        assert (body["max_tokens"], body["logprobs"], body["top_logprobs"]) == (1, True, 20)
        assert "response_format" not in body


def test_a_schema_goes_out_in_the_dialect_that_the_server_keeps_to() -> None:
    said = {}
    for schema in (("json_schema", "json_object"), ("json_object",), ()):
        with FaultServer(abilities=Abilities(schema=schema)) as server, open_desk(server) as desk:
            desk.ask_one(ask(schema=SCHEMA))
            said[schema] = desk.requests[0]
    strict, loose, plain = said.values()
    assert strict.body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "propose", "strict": True, "schema": json.loads(SCHEMA)},
    }
    assert loose.body["response_format"] == {"type": "json_object", "schema": json.loads(SCHEMA)}
    assert strict.text == loose.text == "question 0"
    assert "response_format" not in plain.body
    assert plain.text.startswith("question 0\n\nAnswer with one JSON value and nothing else.")
    assert plain.text.endswith(SCHEMA)


def test_a_model_that_wants_max_completion_tokens_gets_them_from_then_on() -> None:
    journal = SmallJournal()
    with FaultServer(abilities=Abilities(max_tokens=False)) as server:
        with open_desk(server, journal) as desk:
            assert desk.endpoint.capabilities == ALL
            assert len(server.requests) == PROBE + 1, "one request was refused, once"
            desk.ask_one()
            assert desk.requests[0].body["max_completion_tokens"] == 20
            assert "max_tokens" not in desk.requests[0].body
        with open_desk(server, journal, probe=False) as later:
            later.ask_one(ask("another"))
            assert len(later.requests) == 1, "it is remembered"


def test_a_model_that_takes_no_temperature_is_asked_without() -> None:
    with FaultServer(abilities=Abilities(temperature=False)) as server, open_desk(server) as desk:
        assert desk.endpoint.capabilities == ALL
        assert desk.ask_one().outcome == "answered"
        assert "temperature" not in desk.requests[0].body


def test_a_parameter_that_is_refused_in_the_midst_of_a_batch_is_learned_by_all_workers() -> None:
    journal = SmallJournal()
    with FaultServer() as server, open_desk(server, journal):
        key = make_probe_key(server.url, MODEL)
        record = journal.find([key])[key]
    with FaultServer(abilities=Abilities(max_tokens=False), latency=0.01) as server:
        journal.keep(make_probe_key(server.url, MODEL), ask(), Answer("answered", samples=record.samples))
        with open_desk(server, journal, probe=False) as desk:
            answers = desk.endpoint.answer([ask(number) for number in range(20)])
            assert {answer.outcome for answer in answers} == {"answered"}
            assert len(server.requests) <= 20 + 8
            desk.check_books()


def test_what_passing_faults_leave_open_is_not_kept() -> None:
    def drop(request: Request) -> str:
        return "drop" if "logprobs" in request.body else ""

    journal = SmallJournal()
    with FaultServer(faults=drop) as server, open_desk(server, journal) as desk:
        assert not desk.endpoint.capabilities.logprobs
        assert journal.find([make_probe_key(server.url, MODEL)]) == {}


def test_a_probe_that_the_budget_cuts_short_leaves_everything_waiting() -> None:
    # the plain question sets aside 114 to 134 bytes and 16 tokens, and takes 8
    with FaultServer() as server, open_desk(server, meter=SmallMeter(budget=160), probe=False) as desk:
        assert {answer.outcome for answer in desk.endpoint.answer([ask(0), ask(1)])} == {"over_budget"}
        assert 1 <= len(server.requests) < PROBE
        with pytest.raises(ModelError, match="budget"):
            _ = desk.endpoint.capabilities


def test_passing_faults_do_not_mislead_it() -> None:
    for seed in ("500", "reset", "empty", "429:0.01"):
        with FaultServer(faults=[seed, seed, "", seed, "", "", seed]) as server, open_desk(server) as desk:
            assert desk.endpoint.capabilities == ALL
            desk.check_books()


@pytest.mark.parametrize(
    ("fault", "abilities", "said"),
    [
        ("", Abilities(keys=("right",)), "TAGFLOW_LLM_API_KEY"),
        ("403", Abilities(), "TAGFLOW_LLM_API_KEY"),
        ("quota", Abilities(), "quota of the key in TAGFLOW_LLM_API_KEY"),
        ("", Abilities(models=("other",)), f"no model '{MODEL}'.*TAGFLOW_LLM_MODEL"),
        ("405", Abilities(), "TAGFLOW_LLM_BASE_URL"),
        ("redirect:http://127.0.0.1:9/v1", Abilities(), "TAGFLOW_LLM_BASE_URL"),
    ],
)
def test_an_endpoint_that_refuses_everything_costs_one_request_and_says_so(
    fault: str, abilities: Abilities, said: str
) -> None:
    with FaultServer(faults=[fault] * 99, abilities=abilities) as server, open_desk(server, probe=False) as desk:
        with pytest.raises(ModelError, match=said) as error:
            desk.endpoint.answer([ask(number) for number in range(100)])
        assert len(server.requests) == 1
        assert KEY not in str(error.value)
        assert error.value.__cause__ is None
        with pytest.raises(ModelError, match=said):
            _ = desk.endpoint.capabilities
        assert len(server.requests) == 1, "it is remembered"
        desk.check_books()


def test_an_endpoint_that_is_not_there_leaves_everything_waiting() -> None:
    with FaultServer() as server:
        pass
    with open_desk(server, probe=False) as desk:
        answers = desk.endpoint.answer([ask(0), ask(1)])
        assert {(answer.outcome, answer.requests) for answer in answers} == {("stopped", 0)}
        assert "cannot be reached" in answers[0].reason
        with pytest.raises(ModelError, match="cannot be reached") as error:
            _ = desk.endpoint.capabilities
        assert error.value.retryable
        assert desk.meter.paid == desk.meter.open == 0


def test_a_record_is_read_as_it_was_written_and_a_strange_one_is_asked_again() -> None:
    seen = Capabilities(logprobs=False, schema="prompt", many=True, seed=False, usage=True)
    _, answer = write_record(seen, Quirks("max_completion_tokens", temperature=False))
    assert read_record(answer) == (seen, Quirks("max_completion_tokens", temperature=False))
    for text in ("", "[]", "{}", '{"tokens_name": "max_tokens", "temperature": true, "flies": true}'):
        assert read_record(Answer("answered", samples=(Sample(text),))) is None
