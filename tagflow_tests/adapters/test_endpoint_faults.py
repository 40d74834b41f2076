"""Everything that goes wrong between a call and its answer, against a server that does it on the socket."""

import gc
import time
import tracemalloc
from collections import Counter

import pytest

from tagflow.calls import OUTCOMES, Sample
from tagflow.errors import ModelError
from tagflow_tests.llm.desk import KEY, MODEL, ask, open_desk
from tagflow_tests.llm.fault_server import FaultServer, Request
from tagflow_tests.llm.faults import PASSING, Mix
from tagflow_tests.llm.ledgers import SmallJournal


def make_poison(fault: str, record: int = 3):
    """Make a fault that hits one record, always."""
    return lambda request: fault if request.text == f"question {record}" else ""


@pytest.mark.parametrize(("asked", "least"), [("0.3", 0.3), ("10000", 0.4), ("date=600", 0.4)])
def test_a_429_pauses_all_workers_for_as_long_as_it_asks_within_the_cap(asked: str, least: float) -> None:
    with FaultServer(latency=0.01) as server, open_desk(server, retry_after=0.4) as desk:
        server.script("", "", "", f"429:{asked}")
        answers = desk.endpoint.answer([ask(number) for number in range(40)])
        assert {answer.outcome for answer in answers} == {"answered"}
        refused = desk.requests[3].at + server.latency
        late = [request.at for request in desk.requests if request.at > refused + least * 0.8]
        window = [request for request in desk.requests if refused < request.at < refused + least * 0.8]
        assert len(window) <= 8, "what was on its way, one a worker, and no more"
        assert min(late) >= refused + least
        assert len(late) + len(window) + sum(request.at <= refused for request in desk.requests) == 41
        assert late[1] > late[0] + server.latency, "a single request tries first"
        assert "HTTP 429" in desk.said[-1]
        assert "until" in desk.said[-1]
        desk.check_books()


@pytest.mark.parametrize("asked", ["-5", "soon", "date=-600", "0", ""])
def test_a_429_that_asks_for_nothing_sensible_is_tried_again_after_a_pause_of_ours(asked: str) -> None:
    with FaultServer() as server, open_desk(server) as desk:
        server.script(f"429:{asked}", f"429:{asked}")
        assert desk.ask_one().requests == 3


def test_being_throttled_halves_the_requests_in_flight() -> None:
    with FaultServer(latency=0.1) as server, open_desk(server) as desk:
        desk.endpoint.answer([ask(number) for number in range(16)])
        assert server.most_in_flight == 8
        server.script("429:0.05")
        desk.ask_one(ask("one"))
        server.most_in_flight = 0
        desk.endpoint.answer([ask(number) for number in range(100, 108)])
        assert 2 <= server.most_in_flight <= 5


def test_a_call_that_is_told_to_come_later_for_ever_is_given_up() -> None:
    with FaultServer() as server, open_desk(server, throttles=3) as desk:
        server.faults = make_poison("429:0.001")
        answers = desk.endpoint.answer([ask(number) for number in range(6)])
        assert [answer.outcome for answer in answers].count("answered") == 5
        assert (answers[3].outcome, answers[3].requests) == ("exhausted", 3)


def test_a_used_up_quota_ends_the_run_with_what_is_in_flight() -> None:
    with FaultServer(latency=0.005) as server, open_desk(server) as desk:
        server.faults = lambda request: "quota" if request.number >= 20 else ""
        with pytest.raises(ModelError, match=r"quota of the key in TAGFLOW_LLM_API_KEY.*insufficient_quota"):
            desk.endpoint.answer([ask(number) for number in range(200)])
        assert len(server.requests) - 20 <= 8
        assert len(desk.journal.list_records()) == 20 - desk.probed, "what was answered before is kept"
        desk.check_books()


@pytest.mark.parametrize("fault", ["500", "502", "503", "504", "529", "408", "409", "html502"])
def test_a_server_fault_passes_with_further_attempts(fault: str) -> None:
    with FaultServer() as server, open_desk(server) as desk:
        server.script(fault, fault)
        answer = desk.ask_one()
        assert (answer.outcome, answer.requests) == ("answered", 3)
        assert desk.meter.paid == desk.probed + 1, "what came back with an error status is not paid"
        desk.check_books()


def test_a_record_that_the_server_always_fails_on_is_exhausted_and_takes_no_other_with_it() -> None:
    with FaultServer() as server, open_desk(server, attempts=3) as desk:
        server.faults = make_poison("500")
        answers = desk.endpoint.answer([ask(number) for number in range(20)])
        assert [at for at, answer in enumerate(answers) if answer.outcome != "answered"] == [3]
        assert (answers[3].outcome, answers[3].requests) == ("exhausted", 3)
        assert "HTTP 500" in answers[3].reason


def test_a_request_that_hangs_is_cut_at_the_deadline_and_sent_again() -> None:
    with FaultServer() as server, open_desk(server, deadline=0.4) as desk:
        server.script("hang")
        start = time.monotonic()
        assert desk.ask_one().requests == 2
        assert time.monotonic() - start >= 0.4
        desk.check_books()


def test_a_server_that_only_hangs_takes_attempts_times_the_deadline() -> None:
    with FaultServer() as server, open_desk(server, deadline=0.1, attempts=3) as desk:
        server.faults = make_poison("hang", 0)
        start = time.monotonic()
        answer = desk.ask_one()
        assert (answer.outcome, answer.requests) == ("exhausted", 3)
        assert "0.1 s" in answer.reason
        assert 0.3 <= time.monotonic() - start < 5.3
        desk.check_books()


def test_a_body_that_drips_is_cut_at_the_deadline() -> None:
    with FaultServer(lambda body: "x" * 4000) as server, open_desk(server, deadline=0.2, attempts=1) as desk:
        server.script("drip:20")  # some eleven seconds
        start = time.monotonic()
        assert desk.ask_one().outcome == "exhausted"
        assert time.monotonic() - start < 1.2
        assert desk.requests[0].sent < 1000
        desk.check_books()


@pytest.mark.parametrize(
    "fault", ["reset", "reset_body", "cut", "cut_unsized", "long_length", "short_length", "drop", "garbage"]
)
def test_a_connection_that_breaks_is_tried_again_and_counted_as_paid(fault: str) -> None:
    with FaultServer() as server, open_desk(server) as desk:
        server.script(fault)
        answer = desk.ask_one()
        assert (answer.outcome, answer.requests) == ("answered", 2)
        assert desk.meter.paid == len(server.paid) == desk.probed + 2
        # the lost one: 10 bytes in three, 8 around them, and all 20 of the answer; then 2 words and 1 as billed
        assert (answer.prompt_tokens, answer.completion_tokens) == (4 + 8 + 2, 20 + 1)
        assert answer.money == pytest.approx(0.035)
        desk.check_books()


@pytest.mark.parametrize("fault", ["stale", "junk_after"])
def test_a_connection_that_does_not_stay_open_as_it_says_costs_no_answer(fault: str) -> None:
    with FaultServer() as server, open_desk(server) as desk:
        server.faults = lambda request: fault if request.number % 5 == 1 else ""
        answers = desk.endpoint.answer([ask(number) for number in range(40)])
        assert {answer.outcome for answer in answers} == {"answered"}
        assert desk.meter.paid >= len(server.paid), "what never arrived cannot be told from what was cut"


@pytest.mark.parametrize(
    "fault",
    ["html", "empty", "truncated", "error200", "deep", "no_choices", "null_choices", "missing_choices", "null_content"],
)
def test_a_reply_that_is_no_completion_is_tried_again_and_then_named(fault: str) -> None:
    with FaultServer() as server, open_desk(server, attempts=2) as desk:
        server.script(fault)
        assert (desk.ask_one().requests, desk.ask_one(ask("next")).requests) == (2, 1)
        server.faults = make_poison(fault)
        answer = desk.ask_one(ask(3))
        assert (answer.outcome, answer.requests, answer.samples) == ("unusable", 2, ())
        assert answer.reason.endswith(", 2 times in turn")
        assert desk.journal.list_records() == ["record 0", "record next"]
        desk.check_books()


@pytest.mark.parametrize("fault", ["no_usage", "null_usage", "odd_usage"])
def test_tokens_are_estimated_where_the_server_does_not_say(fault: str) -> None:
    with FaultServer(lambda body: "一二三四") as server, open_desk(server) as desk:
        server.script(fault)
        answer = desk.ask_one()
        six = 6  # four letters of three bytes, 3/2 each
        assert (answer.outcome, answer.prompt_tokens, answer.completion_tokens) == ("answered", 4 + 8, six)
        assert desk.meter.booked[-1] == ("propose", 12, six)


def test_a_broken_off_answer_is_given_as_such_and_never_kept() -> None:
    with FaultServer(lambda body: '["soup", "stew') as server, open_desk(server) as desk:
        server.script("length")
        answer = desk.ask_one()
        assert (answer.outcome, answer.samples, answer.requests) == ("truncated", (Sample('["soup", "stew'),), 1)
        assert desk.journal.list_records() == []


def test_a_server_that_fails_over_an_answer_that_broke_off_is_not_taken_to_be_failing() -> None:
    """llama.cpp's says 500 where others say length; the breaker would open at the first of these."""
    with FaultServer(faults=make_poison("broken_off")) as server, open_desk(server, breaker=1, pauses=0) as desk:
        answers = desk.endpoint.answer([ask(number) for number in range(6)])
        assert [answer.outcome for answer in answers] == ["answered"] * 3 + ["truncated"] + ["answered"] * 2
        assert (answers[3].requests, answers[3].samples) == (1, ())
        assert answers[3].reason == "the answer broke off before its form was complete (HTTP 500, server_error)"
        assert desk.said == []


def test_a_yes_or_no_of_one_token_is_not_broken_off() -> None:
    with FaultServer() as server, open_desk(server) as desk:
        server.script("length")
        assert desk.ask_one(ask(yes_no=True)).outcome == "answered"


@pytest.mark.parametrize(("fault", "outcome"), [("content_filter", "filtered"), ("refusal", "refused")])
def test_what_is_declined_is_named_and_not_asked_again_in_the_same_run(fault: str, outcome: str) -> None:
    with FaultServer() as server, open_desk(server) as desk:
        server.script(fault)
        answer = desk.ask_one()
        assert (answer.outcome, answer.samples, answer.requests) == (outcome, (), 1)
        assert answer.reason


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [("huge:40", "unusable"), ("bomb:200", "unusable"), ("error_bomb:200", "exhausted")],
)
def test_a_reply_that_is_too_large_is_cut(fault: str, outcome: str) -> None:
    with FaultServer() as server, open_desk(server, attempts=1, deadline=20) as desk:
        server.script(fault)
        desk.ask_one(ask("first"))  # makes what the server needs itself
        server.script(fault)
        gc.collect()
        tracemalloc.start()
        answer = desk.ask_one()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert (answer.outcome, answer.requests) == (outcome, 1)
        assert "1,048,576 bytes" in answer.reason
        assert most < 20 << 20
        assert desk.requests[-1].sent < 20 << 20, "the rest was never taken"
        desk.check_books()


def test_a_packed_reply_of_good_size_is_read() -> None:
    with FaultServer() as server, open_desk(server) as desk:
        server.script("gzip")
        assert desk.ask_one().outcome == "answered"


def test_null_logprobs_where_the_probe_saw_some_are_no_logprobs() -> None:
    with FaultServer() as server, open_desk(server) as desk:
        server.script("null_logprobs")
        assert desk.ask_one(ask(yes_no=True)).samples == (Sample("Yes", None),)


@pytest.mark.parametrize("status", ["401", "403"])
def test_a_key_that_is_revoked_in_the_midst_ends_the_run_with_what_is_in_flight(status: str) -> None:
    with FaultServer(latency=0.005) as server, open_desk(server) as desk:
        server.faults = lambda request: status if request.number >= 20 else ""
        with pytest.raises(ModelError, match="TAGFLOW_LLM_API_KEY") as error:
            desk.endpoint.answer([ask(number) for number in range(200)])
        assert len(server.requests) - 20 <= 8
        assert KEY not in str(error.value)
        assert error.value.__cause__ is None
        desk.check_books()


def test_a_bad_key_with_a_probe_from_before_costs_one_request() -> None:
    journal = SmallJournal()
    with FaultServer(latency=0.005) as server:
        with open_desk(server, journal):
            pass
        with open_desk(server, journal, probe=False) as desk:
            server.faults = lambda request: "401"
            with pytest.raises(ModelError, match="TAGFLOW_LLM_API_KEY"):
                desk.endpoint.answer([ask(number) for number in range(100)])
            assert len(desk.requests) == 1


def test_a_model_that_is_taken_away_is_named() -> None:
    with FaultServer() as server, open_desk(server) as desk:
        server.faults = lambda request: "404"
        with pytest.raises(ModelError, match=f"no model '{MODEL}'.*TAGFLOW_LLM_MODEL"):
            desk.endpoint.answer([ask(number) for number in range(100)])
        assert len(desk.requests) <= 8


@pytest.mark.parametrize("fault", ["too_long", "too_long_plain"])
def test_a_prompt_that_is_too_long_is_named_and_not_sent_again(fault: str) -> None:
    with FaultServer() as server, open_desk(server) as desk:
        server.faults = make_poison(fault)
        answers = desk.endpoint.answer([ask(number) for number in range(6)])
        assert (answers[3].outcome, answers[3].requests) == ("too_long", 1)
        assert [answer.outcome for answer in answers].count("answered") == 5
        desk.check_books()


def test_a_request_that_will_never_be_taken_is_rejected() -> None:
    with FaultServer() as server, open_desk(server) as desk:
        server.faults = make_poison("422")
        answers = desk.endpoint.answer([ask(number) for number in range(6)])
        assert (answers[3].outcome, answers[3].requests) == ("rejected", 1)


def test_what_failed_is_asked_again_by_the_next_run_and_only_that() -> None:
    faults = ["500", "empty", "length", "content_filter", "refusal", "too_long", "422", "hang"]
    journal = SmallJournal()
    with FaultServer() as server:
        with open_desk(server, journal, attempts=1, deadline=0.6) as desk:
            server.faults = lambda request: dict(zip(map(str, range(8)), faults, strict=True)).get(request.text[9:], "")
            first = desk.endpoint.answer([ask(number) for number in range(20)])
            assert sum(answer.outcome == "answered" for answer in first) == 12
        server.faults = lambda request: ""
        with open_desk(server, journal) as desk:
            second = desk.endpoint.answer([ask(number) for number in range(20)])
            assert {answer.outcome for answer in second} == {"answered"}
            assert [answer.stored for answer in second] == [False] * 8 + [True] * 12
            assert len(desk.requests) == 8


def test_a_redirect_sends_nothing_to_the_other_host() -> None:
    with FaultServer() as other, FaultServer() as server, open_desk(server) as desk:
        server.faults = lambda request: f"redirect:{other.url}/chat/completions"
        with pytest.raises(ModelError, match="redirects elsewhere"):
            desk.endpoint.answer([ask(number) for number in range(20)])
        assert other.requests == []
        assert other.connections == 0


def test_a_proxy_in_the_environment_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer() as proxy, FaultServer() as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        with open_desk(server) as desk:
            assert desk.ask_one().outcome == "answered"
        assert proxy.connections == 0


def test_many_faults_in_a_row_pause_all_and_a_single_request_tries_again() -> None:
    with FaultServer(latency=0.005) as server, open_desk(server, breaker=6, attempts=20) as desk:
        down = {"left": 8}

        def fail(request: Request) -> str:
            down["left"] -= 1
            return "503" if down["left"] >= 0 else ""

        server.faults = fail
        answers = desk.endpoint.answer([ask(number) for number in range(40)])
        assert {answer.outcome for answer in answers} == {"answered"}
        assert any("pausing" in line and "HTTP 503" in line for line in desk.said)
        desk.check_books()


def test_an_endpoint_that_stays_away_is_given_up_and_the_rest_waits() -> None:
    with FaultServer() as server, open_desk(server, breaker=6, pauses=3) as desk:
        desk.endpoint.answer([ask(number) for number in range(10)])
        server.faults = lambda request: "503"
        answers = desk.endpoint.answer([ask(number) for number in range(200)])
        found = Counter(answer.outcome for answer in answers)
        assert found["answered"] == 10
        assert found["stopped"] >= 188
        assert found["stopped"] + found["exhausted"] == 190
        assert len(desk.requests) <= 10 + 6 + 8 + 3
        assert "still after 3 pauses" in answers[-1].reason
        before = len(server.requests)
        assert desk.ask_one(ask("later")).outcome == "stopped"
        assert len(server.requests) == before + 1, "it is tried once"
        server.faults = lambda request: ""
        assert desk.ask_one(ask("later")).outcome == "answered"
        desk.check_books()


@pytest.mark.parametrize("seed", range(3))
def test_every_call_has_one_answer_and_every_request_is_booked_whatever_goes_wrong(seed: int) -> None:
    passing = (*PASSING, "content_filter", "refusal", "length", "no_usage", "422", "too_long", "deep")
    mix = Mix(0.35, (*passing * 4, "hang", "bomb:20", "huge:3"), seed)
    journal = SmallJournal()
    calls = [ask(number) for number in range(1000)]
    with FaultServer(faults=mix) as server:
        with open_desk(server, journal, probe=False, throttles=60, deadline=1.0) as desk:
            answers = desk.endpoint.answer(calls)
            assert len(answers) == 1000
            assert {answer.outcome for answer in answers} <= set(OUTCOMES)
            done = [at for at, answer in enumerate(answers) if answer.outcome == "answered"]
            assert journal.list_records() == sorted(f"record {at}" for at in done)
            probes = sum(task == "probe" for task, _, _ in desk.meter.booked)
            assert sum(answer.requests for answer in answers) == len(server.requests) - probes
            assert sum(mix.drawn.values()) > 400
            desk.check_books()
        server.faults = lambda request: ""
        with open_desk(server, journal, probe=False) as desk:
            answers = desk.endpoint.answer(calls)
            assert {answer.outcome for answer in answers} == {"answered"}
            assert {request.text for request in desk.requests if request.text.startswith("question")} == {
                f"question {at}" for at in range(1000) if at not in set(done)
            }


def test_no_fault_puts_the_key_or_a_text_of_a_content_into_words_for_people() -> None:
    call = ask(messages=(("user", "canary-of-a-content"),))
    with FaultServer() as server, open_desk(server, attempts=1) as desk:
        said = []
        for status in (400, 401, 403, 404, 413, 422, 429, 500, 503):
            server.faults = lambda request, status=status: f"echo:{status}"
            try:
                said.append(desk.ask_one(call).reason)
            except ModelError as error:
                said.append(f"{error} {error.__context__!r} {error.__cause__!r}")
                desk.endpoint._exchange.fatal = ""
        assert len(said) == 9
        assert "canary" not in f"{said} {desk.said}"


def test_a_schema_that_is_refused_though_others_are_taken_goes_out_in_a_looser_dialect() -> None:
    def refuse(request: Request) -> str:
        said = request.body.get("response_format", {}).get("type")
        return "bad_schema" if said == "json_schema" and request.text.startswith("question") else ""

    with FaultServer(faults=refuse) as server, open_desk(server) as desk:
        assert desk.endpoint.capabilities.schema == "json_schema"
        answer = desk.ask_one(ask(schema='{"type": "object", "properties": {}}'))
        assert (answer.outcome, answer.requests) == ("answered", 2)
        assert [request.body["response_format"]["type"] for request in desk.requests] == ["json_schema", "json_object"]
        desk.check_books()


def test_samples_that_are_refused_at_once_are_asked_singly() -> None:
    with FaultServer(faults=lambda request: "400" if request.body.get("n", 1) > 2 else "") as server:
        with open_desk(server) as desk:
            assert desk.endpoint.capabilities.many
            answer = desk.ask_one(ask(samples=3, temperature=1.0))
            assert (answer.outcome, len(answer.samples)) == ("answered", 3)
            assert [request.body.get("n") for request in desk.requests] == [3, None, None, None]
            assert answer.requests == 4
            desk.check_books()


def test_a_number_of_samples_that_was_refused_is_not_asked_for_again() -> None:
    with FaultServer(faults=lambda request: "400" if request.body.get("n", 1) > 2 else "") as server:
        with open_desk(server) as desk:
            desk.ask_one(ask(0, samples=4, temperature=1.0))
            asked = len(desk.requests)
            sizes = [4, 3, 2]
            answers = [desk.ask_one(ask(size, samples=size, temperature=1.0)) for size in sizes]
            assert [len(answer.samples) for answer in answers] == sizes
            sent = [request.body.get("n") for request in desk.requests[asked:]]
            assert sent == [*[None] * 4, 3, *[None] * 3, 2]


def test_a_request_that_is_refused_with_and_without_many_samples_says_nothing_of_their_number() -> None:
    with FaultServer(faults=make_poison("400")) as server, open_desk(server) as desk:
        refused = desk.ask_one(ask(3, samples=2, temperature=1.0))
        assert (refused.outcome, refused.requests) == ("rejected", 2)
        desk.ask_one(ask(4, samples=2, temperature=1.0))
        assert [request.body.get("n") for request in desk.requests] == [2, None, 2]
