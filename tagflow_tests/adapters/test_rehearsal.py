"""The model that is never asked: kept answers, stand-ins, and the figures of everything else."""

from dataclasses import replace
from pathlib import Path

import pytest

from tagflow.adapters.capability_probe import make_probe_key, write_record
from tagflow.adapters.endpoint_requests import Quirks
from tagflow.adapters.journal_file import NAME, JournalFile
from tagflow.adapters.openai_endpoint import OpenAIEndpoint
from tagflow.adapters.rehearsal import ABLE, RehearsedModel
from tagflow.adapters.response_journal import ResponseJournal
from tagflow.calls import Answer, Call, Sample, make_key
from tagflow.errors import ConfigError
from tagflow.prompts.answers import make_schema, read_choices
from tagflow_tests.llm.desk import SHORT
from tagflow_tests.llm.ledgers import SmallJournal, SmallManifest, SmallMeter

URL, MODEL = "http://127.0.0.1:9/v1", "m"
SELECT = Call("select", "soup", (("user", "x" * 30),), 50, schema=make_schema("select", 6))
JUDGE = Call("judge", "soup", (("user", "y" * 30),), 1, yes_no=True)
PROPOSE = Call("propose", "soup", (("user", "z" * 30),), 40, samples=5)


def rehearse(journal: ResponseJournal | None = None, stage: str = "tagged_output") -> RehearsedModel:
    model = RehearsedModel(URL + "/", MODEL, journal)
    model.stage = stage
    return model


def test_it_has_the_identity_of_the_endpoint_it_stands_for() -> None:
    parts = (SHORT, SmallJournal(), SmallMeter(), SmallManifest(), str)
    with OpenAIEndpoint(URL + "/", MODEL, "", *parts) as endpoint:
        assert (rehearse().fingerprint, rehearse().name) == (endpoint.fingerprint, endpoint.name)


def test_an_unknown_call_is_counted_with_the_tokens_of_its_prompt_and_the_longest_answers() -> None:
    model = rehearse()
    (answer,) = model.answer([PROPOSE])
    assert answer.outcome == "stopped"
    (row,) = model.calls.rows(named=True)
    assert (row["stage"], row["task"], row["kept"], row["sure"]) == ("tagged_output", "propose", False, True)
    assert row["prompt_tokens"] == 8 + 10  # a message, and thirty bytes at three a token
    assert row["completion_tokens"] == 5 * 40
    assert row["requests"] == 1


def test_where_several_answers_at_once_are_not_given_each_is_a_request(tmp_path: Path) -> None:
    with JournalFile(tmp_path / NAME) as file:
        journal = ResponseJournal(file)
        journal.keep(make_probe_key(URL, MODEL), *write_record(replace(ABLE, many=False), Quirks()))
        model = rehearse(journal)
        assert model.probed
        model.answer([PROPOSE])
    assert model.calls.select("requests", "prompt_tokens", "completion_tokens").row(0) == (5, 5 * 18, 200)


def test_what_the_journal_holds_is_answered_and_the_same_question_again_is_kept(tmp_path: Path) -> None:
    with JournalFile(tmp_path / NAME) as file:
        journal = ResponseJournal(file)
        journal.keep(make_key(URL, MODEL, JUDGE), JUDGE, Answer("answered", samples=(Sample("Yes"),)))
        costs = journal.costs()
        model = rehearse(journal)
        known, new, again = model.answer([JUDGE, PROPOSE, replace(PROPOSE, record="stew")])
        assert journal.costs().equals(costs)  # a plan is not booked
    assert known.samples == (Sample("Yes"),)
    assert (new.outcome, again.outcome) == ("stopped", "stopped")
    assert model.calls["kept"].to_list() == [True, False, True]


def test_an_unknown_selection_is_answered_so_that_its_judgement_stands_for_one_of_each_candidate() -> None:
    model = rehearse()
    (answer,) = model.answer([SELECT])
    assert read_choices(answer.samples[0].text, [[f"tag {number}"] for number in range(6)]).values == (0,)
    model.answer([JUDGE, replace(JUDGE, record="stew", messages=(("user", "other"),))])
    assert model.calls.select("task", "times", "sure").rows() == [
        ("select", 1, True),
        ("judge", 6, False),
        ("judge", 1, True),
    ]


def test_guesses_are_never_sure_and_never_kept() -> None:
    model = rehearse()
    model.guessing = True
    model.answer([SELECT, SELECT])
    assert model.calls.select("kept", "sure").rows() == [(False, False)] * 2


@pytest.mark.parametrize("url", ["ftp://host/v1", "nonsense"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="TAGFLOW_LLM_BASE_URL must be"):
        RehearsedModel(url, MODEL, None)
