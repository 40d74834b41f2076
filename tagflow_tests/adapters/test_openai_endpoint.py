"""What comes of calls where the server behaves: in order, once each, kept, paid for and accounted for."""

import asyncio
import threading
import time

import pytest

from tagflow.calls import Answer, Call, make_key
from tagflow.errors import ConfigError, ModelError
from tagflow_tests.llm.completions import Abilities, Completion
from tagflow_tests.llm.desk import KEY, MODEL, PROBE, ask, open_desk
from tagflow_tests.llm.fault_server import FaultServer, Request
from tagflow_tests.llm.ledgers import SmallJournal, SmallMeter


def say_backwards(body: dict) -> str:
    return body["messages"][-1]["content"][::-1]


def test_answers_come_in_the_order_of_the_calls_whatever_the_order_of_the_replies() -> None:
    with FaultServer(say_backwards, latency=0.002) as server, open_desk(server) as desk:
        answers = desk.endpoint.answer([ask(number) for number in range(50)])
        assert [answer.samples[0].text for answer in answers] == [f"question {number}"[::-1] for number in range(50)]
        assert {(answer.outcome, answer.model, answer.requests) for answer in answers} == {("answered", MODEL, 1)}
        assert len(desk.requests) == 50
        desk.check_books()


def test_as_many_requests_are_in_flight_as_allowed_and_no_more() -> None:
    with FaultServer(latency=0.15) as server, open_desk(server, concurrency=6) as desk:
        desk.endpoint.answer([ask(number) for number in range(24)])
        assert server.most_in_flight == 6


def test_two_batches_at_a_time_share_the_requests_in_flight() -> None:
    with FaultServer(latency=0.1) as server, open_desk(server, concurrency=4) as desk:
        batches = [[ask(f"{name} {number}") for number in range(12)] for name in "ab"]
        threads = [threading.Thread(target=desk.endpoint.answer, args=[batch]) for batch in batches]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.most_in_flight == 4
        assert len(desk.requests) == 24


def test_it_works_where_an_event_loop_already_runs() -> None:
    async def run() -> Answer:
        return desk.ask_one()

    with FaultServer() as server, open_desk(server) as desk:
        assert asyncio.run(run()).outcome == "answered"


def test_the_same_question_twice_is_asked_once_and_paid_once() -> None:
    with FaultServer() as server, open_desk(server) as desk:
        calls = [ask(0), ask(1), ask(0, record="another record"), ask(0)]
        answers = desk.endpoint.answer(calls)
        assert len(desk.requests) == 2
        assert [answer.samples for answer in answers] == [answers[0].samples] * 4
        assert [(answer.stored, answer.requests, answer.money > 0) for answer in answers] == [
            (False, 1, True),
            (False, 1, True),
            (True, 0, False),
            (True, 0, False),
        ]
        assert [record for _, record in desk.journal.uses] == ["another record", "record 0"]


def test_what_the_journal_holds_is_not_asked_and_looked_up_as_one_set() -> None:
    journal = SmallJournal()
    with FaultServer() as server:
        with open_desk(server, journal) as desk:
            desk.endpoint.answer([ask(number) for number in range(30)])
        with open_desk(server, journal, probe=False) as desk:
            looked = journal.finds
            answers = desk.endpoint.answer([ask(number) for number in range(30)])
            assert desk.requests == []
            assert journal.finds - looked == 1
            assert {(answer.outcome, answer.stored) for answer in answers} == {("answered", True)}


def test_the_probe_is_kept_so_that_a_second_endpoint_does_not_ask_again() -> None:
    journal = SmallJournal()
    with FaultServer() as server:
        with open_desk(server, journal) as first:
            assert len(server.requests) == PROBE
        with open_desk(server, journal) as second:
            assert len(server.requests) == PROBE
            assert second.endpoint.capabilities == first.endpoint.capabilities


def test_tokens_are_booked_as_billed_and_the_money_is_the_meters() -> None:
    with FaultServer() as server, open_desk(server) as desk:
        server.reply = lambda body: Completion(("fine",), usage=(200, 7))
        long = ask(0, messages=(("system", "s" * 300), ("user", "u" * 300)))
        answer = desk.ask_one(long)
        assert (answer.prompt_tokens, answer.completion_tokens, answer.requests) == (200, 7, 1)
        assert answer.money == pytest.approx(0.207)
        assert desk.meter.booked[-1] == ("propose", 200, 7)


def test_a_request_says_what_the_call_asks_and_nothing_more() -> None:
    with FaultServer() as server, open_desk(server) as desk:
        desk.ask_one(ask(0, messages=(("system", "be brief"), ("user", "标签 🍲")), temperature=0.5))
        (request,) = desk.requests
        assert request.path == "/v1/chat/completions"
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert request.body == {
            "model": MODEL,
            "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "标签 🍲"}],
            "max_tokens": 20,
            "temperature": 0.5,
        }
        assert desk.manifest.sent[-1] == ("127.0.0.1", "record 0", len(request.raw))


def test_the_served_model_is_written_down_even_if_another_was_asked_for() -> None:
    with FaultServer(abilities=Abilities(served="some-model-2026-01-01")) as server, open_desk(server) as desk:
        assert desk.ask_one().model == "some-model-2026-01-01"


def test_the_environment_for_other_endpoints_is_not_sent_along(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "secret-of-another-host")
    headers = "Authorization: Bearer secret-of-another-host\nX-Gateway: secret-of-another-host"
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", headers)
    with FaultServer() as server, open_desk(server, probe=False) as desk:
        desk.ask_one()
        assert all("secret-of-another-host" not in str(request.headers) for request in server.requests)
        assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in server.requests)


def test_samples_come_as_several_choices_of_one_request() -> None:
    with FaultServer(lambda body: ["a", "b", "c"]) as server, open_desk(server) as desk:
        answer = desk.ask_one(ask(samples=3, temperature=1.0))
        assert [sample.text for sample in answer.samples] == ["a", "b", "c"]
        assert [request.body["n"] for request in desk.requests] == [3]


def test_samples_are_asked_singly_with_seeds_where_the_server_gives_one_choice() -> None:
    with (
        FaultServer(lambda body: f"drawn {body.get('seed')}", abilities=Abilities(many=1)) as server,
        open_desk(server) as desk,
    ):
        assert not desk.endpoint.capabilities.many
        answer = desk.ask_one(ask(samples=3, temperature=1.0))
        assert [sample.text for sample in answer.samples] == ["drawn 0", "drawn 1", "drawn 2"]
        assert answer.requests == 3
        assert all("n" not in request.body for request in desk.requests)
        assert desk.ask_one(ask(samples=3, temperature=1.0)).stored
        assert len(desk.requests) == 3
        desk.check_books()


def test_single_samples_that_were_paid_are_not_asked_again_when_one_of_them_failed() -> None:
    poison = {"on": True}

    def fail(request: Request) -> str:
        return "500" if poison["on"] and request.body.get("seed") == 2 and request.text.startswith("question") else ""

    with FaultServer(faults=fail, abilities=Abilities(many=1)) as server, open_desk(server, attempts=2) as desk:
        assert desk.ask_one(ask(samples=3, temperature=1.0)).outcome == "exhausted"
        assert len(desk.requests) == 4
        poison["on"] = False
        answer = desk.ask_one(ask(samples=3, temperature=1.0))
        assert (answer.outcome, len(answer.samples), answer.requests) == ("answered", 3, 1)
        assert len(desk.requests) == 5


def test_missing_choices_are_asked_for_when_a_server_that_gave_several_gives_one() -> None:
    with FaultServer(lambda body: ["a", "b", "c"]) as server, open_desk(server) as desk:
        server.script("one_choice")
        answer = desk.ask_one(ask(samples=3, temperature=1.0))
        assert [len(answer.samples), answer.requests] == [3, 3]
        assert [request.body.get("n") for request in desk.requests] == [3, None, None]


def test_a_budget_is_never_overspent_and_the_last_calls_fit_as_others_give_back() -> None:
    # a request sets aside its bytes and 20 tokens, and takes 40 + 10; bytes are 118 or 119
    reply = Completion(("fine",), usage=(40, 10))
    meter = SmallMeter(budget=1000)
    with FaultServer(lambda body: reply, latency=0.005) as server, open_desk(server, meter=meter, probe=False) as desk:
        desk.endpoint.answer([])
        answers = desk.endpoint.answer([ask(number) for number in range(40)])
        assert meter.spent <= 1000
        done = [answer for answer in answers if answer.outcome == "answered"]
        assert {answer.outcome for answer in answers} == {"answered", "over_budget"}
        assert meter.spent == (PROBE + len(done)) * 50
        assert meter.spent > 1000 - 50 - 140, "what is left would not have covered another request"
        desk.check_books()


def test_a_budget_of_nothing_sends_nothing() -> None:
    with FaultServer() as server, open_desk(server, meter=SmallMeter(budget=0), probe=False) as desk:
        assert {answer.outcome for answer in desk.endpoint.answer([ask(0), ask(1)])} == {"over_budget"}
        assert server.requests == []
        with pytest.raises(ModelError, match="budget"):
            _ = desk.endpoint.capabilities


def test_a_call_that_cannot_fit_the_known_context_is_not_sent() -> None:
    with FaultServer() as server, open_desk(server, context_tokens=200) as desk:
        # 400 bytes are 134 tokens, 8 around them and 20 to come: 162; 600 bytes 228
        short, long = ask(messages=(("user", "x" * 400),)), ask(messages=(("user", "x" * 600),))
        assert [answer.outcome for answer in desk.endpoint.answer([short, long])] == ["answered", "too_long"]
        assert len(desk.requests) == 1


def test_requests_a_minute_are_spaced() -> None:
    with FaultServer() as server, open_desk(server, requests_per_minute=3000) as desk:  # one in 20 ms
        start = time.monotonic()
        desk.endpoint.answer([ask(number) for number in range(10)])
        assert time.monotonic() - start >= 9 * 0.02


def test_tokens_a_minute_are_spaced() -> None:
    reply = Completion(("fine",), usage=(10, 10))  # 20 tokens at 1,000 a second: 20 ms
    with FaultServer(lambda body: reply) as server, open_desk(server, tokens_per_minute=60_000) as desk:
        start = time.monotonic()
        desk.endpoint.answer([ask(number) for number in range(10)])
        assert time.monotonic() - start >= 9 * 0.02


def test_fingerprint_and_texts_for_people_hold_no_key() -> None:
    with FaultServer() as server, open_desk(server) as desk:
        assert desk.endpoint.name == MODEL
        assert desk.endpoint.fingerprint == f"{server.url} {MODEL}"
        assert KEY not in f"{desk.endpoint!r} {desk.endpoint.__dict__} {desk.said}"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "http or https"),
        ("ftp://example.org/v1", "http or https"),
        ("file:///etc/passwd", "http or https"),
        ("http://[::1", "http or https"),
        ("http://user:secret@example.org/v1", "no key"),
        ("https://example.org/v1?key=secret", "no key"),
    ],
)
def test_an_address_that_is_none_is_refused_in_words_that_repeat_no_secret(url: str, said: str) -> None:
    with FaultServer() as server, pytest.raises(ConfigError, match=said) as error, open_desk(server, url=url or " "):
        pass
    assert "TAGFLOW_LLM_BASE_URL" in str(error.value)
    assert "secret" not in str(error.value)


def test_a_key_of_the_journal_does_not_change_with_a_slash_at_the_end_of_the_address() -> None:
    journal = SmallJournal()
    with FaultServer() as server:
        with open_desk(server, journal) as desk:
            desk.ask_one()
        with open_desk(server, journal, url=f"{server.url}/", probe=False) as desk:
            assert desk.ask_one().stored
        assert make_key(server.url, MODEL, ask()) in journal.find([make_key(server.url, MODEL, ask())])


def test_half_a_surrogate_pair_goes_out_and_comes_in_as_a_replacement() -> None:
    with FaultServer() as server, open_desk(server) as desk:
        server.script("surrogate")
        call = Call("propose", "record", (("user", "half \ud83d pair"),), 20)
        (answer,) = desk.endpoint.answer([call])
        assert desk.requests[0].text == "half ? pair"
        assert answer.samples[0].text == "half \ufffd pair"


@pytest.mark.parametrize("many", [1, 8], ids=["one by one", "at once"])
def test_what_is_discarded_is_asked_anew_in_all_its_samples_and_nothing_else_is(many: int) -> None:
    with FaultServer(abilities=Abilities(many=many)) as server, open_desk(server) as desk:
        useless, sound = (ask(name, samples=3, temperature=1.0) for name in ("useless", "sound"))
        desk.endpoint.answer([useless, sound])
        asked = len(desk.requests)
        desk.endpoint.discard([useless])
        found = desk.endpoint.answer([useless, sound])
        assert [answer.stored for answer in found] == [False, True]
        assert len(desk.requests) - asked == asked // 2
        assert {request.text for request in desk.requests[asked:]} == {"question useless"}


def test_an_endpoint_that_gave_up_ends_this_batch_and_every_later_one_and_keeps_what_was_paid() -> None:
    with FaultServer(latency=0.05) as server, open_desk(server) as desk:
        threading.Timer(0.12, desk.endpoint.give_up, ["nobody waits"]).start()
        for _ in range(2):
            with pytest.raises(ModelError, match="nobody waits"):
                desk.endpoint.answer([ask(number) for number in range(400)])
        assert 0 < len(desk.requests) < 100
        assert len(desk.journal.list_records()) == len(desk.requests)
        desk.check_books()
