"""tagflow against a real server, llama.cpp's, with a model made on the spot.

This proves transport and decoding: that requests are taken, grammars kept to, log-probabilities read, tokens counted,
and records accounted for. It proves nothing about quality: the model's weights are random, and so is what it says.
"""

import json
import math
import os
import sqlite3
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.adapters.endpoint_pacing import EndpointLimits
from tagflow.adapters.journal_file import NAME as JOURNAL
from tagflow.adapters.local_engine import LocalEngine
from tagflow.adapters.openai_endpoint import OpenAIEndpoint
from tagflow.calls import Call, Capabilities
from tagflow.errors import ModelError
from tagflow.knowledge.injection import Knowledge
from tagflow.prompts.rendering import load_prompts
from tagflow.taggers import asks_by_itself, list_methods
from tagflow.tagmodels.llm import LLMTagModel
from tagflow_tests.language_models import Silence, recalled
from tagflow_tests.llm.ledgers import SmallJournal, SmallManifest, SmallMeter
from tagflow_tests.llm.real_server import SLOT_TOKENS, SLOTS, RealServer
from tagflow_tests.llm.tiny_llama import WORDS, write_tiny_llama
from tagflow_tests.pipeline.runs import make_dataset, materialize, metadata_of
from tagflow_tests.worlds import raw_clues, said, tag_set

BINARY = os.environ.get("TAGFLOW_LLAMA_SERVER", "")
KEY = "canary-key-0123456789"
NAME = "kitchen"
ASSETS = "*tagged_output"  # what asks a language model, and all it needs

pytestmark = [
    pytest.mark.skipif(not BINARY, reason="TAGFLOW_LLAMA_SERVER names no llama-server; .ci/llama builds one"),
    pytest.mark.skipif(not find_spec("gguf"), reason='no package gguf to write the model with; install ".[llama]"'),
]

RECORDS: list[dict[str, object]] = [
    {"id": "k1", "title": "Garlic bread", "caption": "Bread, garlic, butter, a hot oven", "tags": ["bread"]},
    {"id": "k2", "title": "Bread without kneading", "caption": "A wet dough, a hot oven", "tags": ["bread", "dough"]},
    {"id": "k3", "title": "Onion soup", "caption": "Onion, butter, broth, old bread, much cheese", "tags": ["soup"]},
    {"id": "k4", "title": "Rice soup for a cold day", "caption": "Rice, onion, a little oil", "tags": ["soup", "rice"]},
    {"id": "k5", "title": "Pasta with oil and garlic", "caption": "Pasta, oil, garlic, no more", "tags": ["pasta"]},
    {"id": "k6", "title": "Pasta dough by hand", "caption": "Dough, rest, roll, cut", "tags": ["pasta", "dough"]},
    {"id": "k7", "title": "Fried rice", "caption": "Yesterday's rice, onion, oil, soy sauce"},
    {"id": "k8", "title": "A salad that keeps", "caption": "Cabbage salad, oil, no cheese"},
    {"id": "mute", "title": "?!"},
    {"title": "a record without an id is refused"},
]
ASKED = [str(record["id"]) for record in RECORDS if str(record.get("id", "mute")) != "mute"]


@pytest.fixture(scope="module")
def tame(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """A server whose model ends what it begins."""
    folder = tmp_path_factory.mktemp("tame")
    with RealServer(Path(BINARY), write_tiny_llama(folder / "tiny.gguf"), folder / "log", KEY) as server:
        yield server


@pytest.fixture(scope="module")
def wild(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """A server whose model says anything."""
    folder = tmp_path_factory.mktemp("wild")
    with RealServer(Path(BINARY), write_tiny_llama(folder / "tiny.gguf", tame=False), folder / "log", KEY) as server:
        yield server


def open_endpoint(server: RealServer, key: str = KEY) -> OpenAIEndpoint:
    limits = EndpointLimits(concurrency=SLOTS, attempts=2, backoff=0.01, backoff_most=0.02)
    return OpenAIEndpoint(server.url, "tiny", key, limits, SmallJournal(), SmallMeter(), SmallManifest(), print)


def make_kitchen(
    server: RealServer,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    records: list[dict[str, object]] = RECORDS,
    evaluation: Mapping[str, object] | None = None,
    **asked: object,
) -> DuckDBStore:
    """Write a dataset that the server's model proposes, selects and judges for."""
    settings = {"BASE_URL": server.url, "MODEL": "tiny", "API_KEY": KEY, "CONTEXT": str(SLOT_TOKENS)}
    for name, value in settings.items():
        monkeypatch.setenv(f"TAGFLOW_LLM_{name}", value)
    make_dataset(
        data,
        NAME,
        records,
        brain="llm",
        llm={"local_only": True, **asked},
        encoder={"model": "character-ngrams"},
        vocabulary={"source": "union", "min_contents": 2, "max_share": 1.0, "proposals": 6},
        evaluation=evaluation or {"methods": []},
    )
    return DuckDBStore(data / "warehouse")


def read_status(store: DuckDBStore) -> dict[str, str]:
    """Return how each record ended; every one stands in it once."""
    status = store.read(NAME, "tagged_output", "content_status")
    assert len(status) == status["content_id"].n_unique() == len(RECORDS)
    return dict(status.select("content_id", "status").iter_rows())


def renormalise(first: list[tuple[str, float]]) -> float:
    """Return e^yes / (e^yes + e^no) of the first tokens, over upper and lower case and first letters."""
    said = [(token.strip().lower(), math.exp(value)) for token, value in first]
    yes = sum(share for token, share in said if token in ("yes", "y"))
    no = sum(share for token, share in said if token in ("no", "n"))
    return yes / (yes + no)


def test_the_probe_sees_what_the_server_does(tame: RealServer) -> None:
    with open_endpoint(tame) as endpoint:
        assert endpoint.capabilities == Capabilities(
            logprobs=True, schema="json_schema", many=True, seed=True, usage=True
        )


def test_it_proposes_selects_and_judges_and_a_second_run_asks_nothing(
    tame: RealServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_kitchen(tame, tmp_path, monkeypatch, samples=3)
    first = materialize(tmp_path, NAME, ASSETS)
    ends = read_status(store)
    assert ends.pop("mute") == "skipped"
    assert [ends.pop(name) for name in list(ends) if name not in ASKED] == ["quarantined"]
    assert set(ends.values()) <= {"tagged", "no_tag_fits", "dead_lettered"}
    proposed = store.read(NAME, "candidate_tags")
    assert set(proposed["tag"]) & set(WORDS)
    assert set(proposed["votes"]) <= {1, 2, 3}
    judged = store.read(NAME, "tagged_output", "scored_candidates")
    assert len(judged) > 0
    assert judged["evidence"].str.starts_with("confidence by the probability of Yes against No").all()
    with sqlite3.connect(tmp_path / "warehouse" / JOURNAL) as journal:
        rows = journal.execute("SELECT samples, prompt_tokens, completion_tokens FROM answers WHERE task = 'judge'")
        kept = [(json.loads(samples), prompt, completion) for samples, prompt, completion in rows]
    told = sorted(renormalise(samples[0][1]) for samples, _, _ in kept)
    assert judged["confidence"].sort().to_list() == pytest.approx(told)
    assert {completion for _, _, completion in kept} == {1}
    assert min(prompt for _, prompt, _ in kept) > 500
    assert metadata_of(first, "tagged_output")["prompt_tokens"] > 1000
    spent, before = tame.count_work(), store.read_all(NAME, "tagged_output")
    again = materialize(tmp_path, NAME, ASSETS)
    assert metadata_of(again, "tagged_output")["requests"] == 0
    assert tame.count_work() == spent > 0
    for name, frame in store.read_all(NAME, "tagged_output").items():
        assert frame.equals(before[name]), name


def test_every_method_that_asks_runs_and_its_costs_stand_in_the_report(
    tame: RealServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a method was asked and had no answer for is what the accounts and the server's own counts say."""
    asking = [method for method in list_methods() if asks_by_itself(method)]
    methods = ["taggpt_generative", "taggpt_selective", *asking]
    labels = ("bread", "soup", "pasta")
    records = [
        {"id": f"{tag}{number}", "title": f"{tag} {number}", "caption": "Onion, oil", "tags": [tag]}
        | {"split": "test" if number == 3 else "fit"}
        for tag in labels
        for number in range(4)
    ]
    store = make_kitchen(tame, tmp_path, monkeypatch, records, {"methods": methods}, samples=1, shown=1)
    monkeypatch.setenv("TAGFLOW_LLM_PRICE", "1/2 EUR")
    made = materialize(tmp_path, NAME, "*evaluation_report")
    told = store.read(NAME, "evaluation_report", "method_costs")
    own, booked = told.row(by_predicate=pl.col("method") == "llm4tag", named=True), metadata_of(made, "tagged_output")
    assert (own["contents"], own["requests"]) == (len(records), booked["requests"])
    assert own["tokens"] == booked["prompt_tokens"] + booked["completion_tokens"] > 0
    assert own["money"] > 0
    costs = told.filter(pl.col("method").is_in(methods))
    assert set(costs["method"]) == set(methods)
    assert costs["not_run"].null_count() == len(methods), "each of them ran"
    assert costs["contents"].to_list() == [len(labels)] * len(methods)
    assert (costs["requests"] + costs["answers_reused"] > 0).all()
    paid = costs.filter(pl.col("requests") > 0)
    assert set(asking) <= set(paid["method"])
    assert (paid["tokens"] > 0).all()
    assert (paid["money"] > 0).all()
    assert costs["unanswered"].is_between(0, 2 * len(labels)).all()
    assert costs["requests"].sum() == metadata_of(made, "evaluation_report")["requests"]


def test_what_a_random_model_says_becomes_dead_letters_and_no_tag(
    wild: RealServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without chance it writes on and on: every proposal breaks off, whatever room it gets."""
    store = make_kitchen(wild, tmp_path, monkeypatch, samples=1, temperature=0)
    materialize(tmp_path, NAME, ASSETS)
    ends = read_status(store)
    assert {ends[name] for name in ASKED} <= {"dead_lettered", "no_tag_fits"}
    assert store.read(NAME, "tagged_output").is_empty()
    asked = set(store.read(NAME, "raw_clues").filter(split="fit")["content_id"]) & set(ASKED)
    unproposed = store.read(NAME, "candidate_tags", "dead_letters")
    proposed = store.read(NAME, "candidate_tags", "proposed_contents")
    assert {*unproposed["content_id"], *proposed["content_id"]} == asked
    assert len(unproposed) + len(proposed) == len(asked)
    assert set(unproposed["outcome"]) == {"truncated"}


def test_a_judgement_that_cannot_be_read_is_no_number(wild: RealServer) -> None:
    """Neither Yes nor No is among its likeliest tokens, five answers agree on nothing, and it says no number."""
    with open_endpoint(wild) as endpoint:
        knowledge = Knowledge(tag_set({"bread": [], "soup": []}))
        judge = LLMTagModel(endpoint, knowledge, load_prompts("en", "recipe videos"), LocalEngine(), Silence())
        pairs = recalled(("a", "bread"), ("b", "soup"))
        told = judge.judge(pairs, raw_clues(said("a", title="Garlic bread"), said("b", title="Onion soup")))
    assert np.isnan(told).all()
    assert judge.rungs["rung"].to_list() == [None, None]
    assert judge.failures.select("content_id", "task").rows() == [("a", "judge"), ("b", "judge")]
    assert set(judge.failures["outcome"]) <= {"unusable", "truncated"}


def test_the_numbers_read_are_those_the_server_gives(tame: RealServer) -> None:
    messages = (("system", "Answer Yes or No."), ("user", "Is bread a soup?"))
    with open_endpoint(tame) as endpoint:
        (answer,) = endpoint.answer([Call("judge", "a record", messages, 1, yes_no=True)])
    body = {
        "messages": [{"role": role, "content": text} for role, text in messages],
        **{"max_tokens": 1, "temperature": 0, "logprobs": True, "top_logprobs": 20},
    }
    (choice,) = json.loads(tame.ask("/v1/chat/completions", body))["choices"]
    top = [(each["token"], each["logprob"]) for each in choice["logprobs"]["content"][0]["top_logprobs"]]
    assert len(top) == 20
    assert {"Yes", "No"} <= {token for token, _ in top}
    first = answer.samples[0].first
    assert first is not None
    assert [token for token, _ in first] == [token for token, _ in top]
    assert [value for _, value in first] == pytest.approx([value for _, value in top], abs=1e-3)
    assert answer.model == "tiny"


def test_more_answers_than_the_server_gives_at_once_are_asked_singly(tame: RealServer) -> None:
    schema = json.dumps({"type": "object", "properties": {"tag": {"enum": ["soup", "bread"]}}, "required": ["tag"]})
    call = Call("propose", "a record", (("user", "A tag?"),), 64, schema=schema, samples=SLOTS + 1, temperature=1.0)
    with open_endpoint(tame) as endpoint:
        (answer,) = endpoint.answer([call])
    assert answer.outcome == "answered", answer.reason
    assert [json.loads(sample.text)["tag"] in ("soup", "bread") for sample in answer.samples] == [True] * (SLOTS + 1)
    assert answer.requests == SLOTS + 2  # the one for all of them was refused


def test_a_prompt_that_is_too_long_is_told_from_other_refusals(tame: RealServer) -> None:
    with open_endpoint(tame) as endpoint:
        (answer,) = endpoint.answer([Call("propose", "a record", (("user", "x" * (SLOT_TOKENS + 1)),), 8)])
    assert (answer.outcome, answer.requests) == ("too_long", 1)


def test_a_wrong_key_ends_it_with_a_sentence(tame: RealServer) -> None:
    with open_endpoint(tame, "another-key") as endpoint, pytest.raises(ModelError, match="rejects the key"):
        assert endpoint.capabilities
