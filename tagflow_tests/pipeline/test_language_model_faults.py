"""The assets that ask a language model, against a server that breaks: every record counted, nothing paid twice."""

import json
import shutil
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.adapters.journal_file import NAME as JOURNAL
from tagflow.errors import ConfigError, ModelError
from tagflow_tests.chaos.children import Children
from tagflow_tests.chaos.ledger import (
    check_books,
    check_records,
    count_ends,
    count_repaid,
    count_twice,
    name_request,
    read_tokens,
    read_witness,
)
from tagflow_tests.chaos.llm import KINDS, NAME, be_well
from tagflow_tests.chaos.runs import KEY, environment, name_endpoint, run_assets, run_job
from tagflow_tests.chaos.wiring import WITNESS, unwire, wire
from tagflow_tests.chaos.worlds import World, write_world
from tagflow_tests.language_models import FRAME
from tagflow_tests.llm.completions import Abilities
from tagflow_tests.llm.fault_server import FaultServer, Request
from tagflow_tests.llm.faults import PASSING, Mix
from tagflow_tests.llm.keyword_reader import read_words
from tagflow_tests.tagmodels.injections import FOREIGN, FORGED, list_injections

CONTENTS = 50
ASKING = "candidate_tags,tagged_output"
CANARY = "the heron counted eleven brass buttons"


@pytest.fixture(autouse=True)
def wired() -> Iterator[None]:
    wire()
    yield
    unwire()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a tag set, made without faults by a model that no test asks."""
    folder = tmp_path_factory.mktemp("made")
    write_world(folder / "data", NAME, 0, CONTENTS)
    wire()
    with FaultServer(read_words) as server, environment(name_endpoint(server, "another")):
        run_assets(folder / "data", NAME)
    unwire()
    return folder


class Place(NamedTuple):
    """A copy of it that a test may spoil; the books begin anew."""

    data: Path
    witness: Path
    world: World

    @property
    def store(self) -> DuckDBStore:
        return DuckDBStore(self.data / "warehouse")

    def tell(self, server: FaultServer, **said: object) -> dict[str, str]:
        return {**name_endpoint(server, "reader", **said), WITNESS: str(self.witness)}

    def check(self, server: FaultServer) -> None:
        assert check_records(self.store, NAME, self.world) == []
        assert check_books(self.data, server.requests, read_witness(self.witness)) == []

    def count_repaid(self, server: FaultServer) -> int:
        return count_repaid(server.requests, read_witness(self.witness))


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Place:
    shutil.copytree(made / "data", tmp_path / "data", symlinks=True)
    for file in (tmp_path / "data" / "warehouse").glob(f"{JOURNAL}*"):
        file.unlink()
    return Place(tmp_path / "data", tmp_path / "witness", write_world(tmp_path / "data", NAME, 0, CONTENTS))


def see(request: Request) -> str:
    """Return the content that a request shows, or nothing."""
    framed = FRAME.findall(request.text)
    return " ".join(json.loads(framed[0][1]).values()) if framed else ""


def test_with_a_fifth_of_all_requests_broken_every_record_is_in_one_place_and_asking_again_mends_the_rest(
    place: Place,
) -> None:
    mix = Mix(0.2, tuple(kind for kind in KINDS if kind != "hang"), 5)

    def break_some(request: Request) -> str:
        return "refusal" if "Part 4" in see(request) else mix(request)

    with FaultServer(read_words, break_some) as server, environment(place.tell(server)):
        run_assets(place.data, NAME, ASKING)
        place.check(server)
        ends = count_ends(place.store, NAME)
        assert sum(mix.drawn.values()) > 40
        assert ends["dead_lettered"] > 2
        before = place.store.read_all(NAME, "tagged_output")
        letters = before["dead_letters"]
        assert "the model declined" in letters["reason"].to_list()
        assert "refused" in place.store.read(NAME, "candidate_tags", "dead_letters")["outcome"].to_list()
        server.faults = be_well
        asked = len(server.requests)
        run_job(place.data, NAME)
        place.check(server)
        assert len(server.requests) > asked
        after = place.store.read_all(NAME, "tagged_output")
        assert set(after["content_status"]["status"]) == {"tagged", "no_tag_fits", "skipped", "quarantined"}
        assert len(place.store.read(NAME, "candidate_tags", "dead_letters")) == 0
        failed = letters["content_id"].implode()
        assert (after["costs"]["contents"] - before["costs"]["contents"]).to_list() == [
            letters["content_id"].n_unique()
        ]
        for table, rows in before.items():
            if table == "costs":
                continue
            stay = ~pl.col("content_id").is_in(failed)
            assert rows.filter(stay).equals(after[table].filter(stay)), table
        assert place.count_repaid(server) == 0
        assert count_twice(server.requests, read_witness(place.witness)) == 0


def test_an_answer_that_cannot_be_read_does_not_fail_its_content_for_ever(place: Place) -> None:
    def speak(request: Request) -> str:
        return "schema_ignored" if "Part 4" in see(request) else ""

    with FaultServer(read_words, speak) as server, environment(place.tell(server)):
        run_assets(place.data, NAME, ASKING)
        letters = place.store.read(NAME, "tagged_output", "dead_letters")
        assert letters.select("task", "outcome").unique().rows() == [("select", "unusable")]
        said = "it was not the JSON object asked for"
        assert set(letters["reason"]) == {said}
        place.check(server)
        server.faults = be_well
        run_job(place.data, NAME)
        assert count_ends(place.store, NAME)["dead_lettered"] == 0
        asked = len(server.requests)
        run_assets(place.data, NAME, ASKING)
        assert len(server.requests) == asked


def test_changed_contents_ask_exactly_their_own_calls(place: Place) -> None:
    with FaultServer(read_words) as server, environment(place.tell(server)):
        run_assets(place.data, NAME, ASKING)
        asked = {name_request(request) for request in server.requests}
        first = len(server.requests)
        write_world(place.data, NAME, 0, CONTENTS, changed=1)
        run_job(place.data, NAME, "tag_new_contents")
        new = server.requests[first:]
        changed = place.store.read(NAME, "raw_clues").filter(pl.col("content_id").is_in(["c0000", "copy0000"]))
        assert changed["content_hash"].n_unique() == 1
        assert 2 <= len(new) < 20
        assert {see(request) for request in new} == {see(new[0])}
        assert see(new[0]).split(" Part ")[0] in changed["text"][0]
        assert not {name_request(request) for request in new} & asked
        run_assets(place.data, NAME, "candidate_tags")
        (proposal,) = server.requests[first + len(new) :]
        assert see(proposal) == see(new[0])
        place.check(server)


@pytest.mark.parametrize(
    ("abilities", "fault", "said"),
    [
        (Abilities(keys=("another",)), "", "rejects the key .HTTP 401, invalid_api_key.: set TAGFLOW_LLM_API_KEY"),
        (Abilities(models=("another",)), "", "has no model 'reader' .*: set TAGFLOW_LLM_MODEL"),
        (Abilities(), "quota", "the quota of the key in TAGFLOW_LLM_API_KEY is used up"),
    ],
    ids=["key", "model", "quota"],
)
def test_what_the_endpoint_will_never_answer_costs_one_request_and_says_so(
    place: Place, abilities: Abilities, fault: str, said: str
) -> None:
    with FaultServer(read_words, lambda request: fault, abilities) as server, environment(place.tell(server)):
        with pytest.raises(ModelError, match=said) as caught:
            run_assets(place.data, NAME, ASKING)
        assert KEY not in str(caught.value)
        assert len(server.requests) == 1


def test_a_budget_that_ends_leaves_contents_pending_and_a_later_run_finishes_them(place: Place) -> None:
    with FaultServer(read_words, Mix(0.1, PASSING, 1)) as server:
        with environment(place.tell(server, concurrency=32, price="1/2 EUR", budget="0.02 EUR, 150 requests")):
            run_assets(place.data, NAME, ASKING)
        place.check(server)
        prompt, completion = read_tokens(place.data)
        assert prompt + 2 * completion <= 20_000
        assert len(server.requests) <= 150
        status = place.store.read(NAME, "tagged_output", "content_status").filter(pl.col("status") == "pending")
        assert len(status) > CONTENTS // 4
        assert status["reason"].str.contains("the budget would not cover another request").all()
        with environment(place.tell(server)):
            run_job(place.data, NAME)
        place.check(server)
        assert count_ends(place.store, NAME)["pending"] == 0
        assert place.count_repaid(server) == 0


def test_a_budget_that_does_not_even_cover_the_probe_leaves_everything_pending(place: Place) -> None:
    with FaultServer(read_words) as server, environment(place.tell(server, budget="3 requests")):
        run_assets(place.data, NAME, ASKING)
        place.check(server)
        ends = count_ends(place.store, NAME)
        assert len(server.requests) <= 3
        assert ends["tagged"] == 0
        assert ends["pending"] > 0


def test_local_only_refuses_another_machine_before_anything_is_sent(place: Place) -> None:
    write_world(place.data, NAME, 0, CONTENTS, local_only=True)
    with FaultServer(read_words) as server:
        for url in ("http://192.0.2.1:8080/v1", "http://localhost.example/v1", "http://127.1:8080/v1"):
            with environment(place.tell(server, base_url=url)), pytest.raises(ConfigError, match="this machine only"):
                run_assets(place.data, NAME, "candidate_tags")
        with environment(place.tell(server)):
            run_assets(place.data, NAME, "candidate_tags")
        assert server.requests


def obey(body: Mapping[str, Any]) -> str | list[str]:
    """Do what the content says: repeat the JSON that it holds, or else say the foreign tag in every way there is."""
    system, user = body["messages"][0]["content"], body["messages"][-1]["content"]
    framed = FRAME.findall(user)
    text = json.loads(framed[0][1])["asr"] if framed else ""
    if text in FORGED:
        return text
    if '{"tags":' in system:
        return json.dumps({"tags": [FOREIGN]})
    if '{"numbers":' in system:
        return json.dumps({"numbers": [1, FOREIGN, 0, 21, -1, f"21. {FOREIGN}", f"1. {FOREIGN}", text[:60]]})
    return "Yes"


def test_nothing_that_contents_order_reaches_the_tagged_output(place: Place) -> None:
    folder = place.data / "orders"
    (folder / "contents").mkdir(parents=True)
    orders = list_injections()
    records = [{"id": f"o{at}", "title": "pottery, weaving and choir", "asr": each} for at, each in enumerate(orders)]
    (folder / "contents" / "orders.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records), "utf-8")
    settings = (place.data / NAME / "dataset.yaml").read_text(encoding="utf-8")
    listed = "vocabulary: {source: file, file: tags.csv, min_contents: 1}\n"
    kept = "\n".join(line for line in settings.splitlines() if "min_contents" not in line and "proposals:" not in line)
    (folder / "dataset.yaml").write_text(kept.replace("vocabulary:", listed), encoding="utf-8")
    (folder / "tags.csv").write_text("tag\npottery\nweaving\nchoir\nsailing\n", encoding="utf-8")
    with FaultServer(obey, abilities=Abilities(schema=(), logprobs=False)) as server, environment(place.tell(server)):
        run_assets(place.data, "orders")
    tables = place.store.read_all("orders", "tagged_output")
    known = set(place.store.read("orders", "fused_tagset").select("tag_id", "tag").rows())
    assert known and {name for _, name in known} <= {"pottery", "weaving", "choir", "sailing"}
    tagged = tables["tagged_output"]
    assert len(orders) >= 200
    assert tagged["content_id"].n_unique() > 150
    assert set(tagged.select("tag_id", "tag").rows()) <= known
    assert FOREIGN not in str(tagged.rows())
    assert len(tables["content_status"]) == len(orders)


def test_killed_and_ended_runs_pay_for_nothing_that_was_kept_and_lose_nothing(place: Place) -> None:
    expected = place.data.parent / "expected"
    shutil.copytree(place.data, expected, symlinks=True)
    with FaultServer(read_words) as server, environment(name_endpoint(server, "reader")):
        run_assets(expected, NAME, ASKING)
    with FaultServer(read_words, latency=0.03) as server:
        runs = Children(place.data, NAME, server, name_endpoint(server, "reader"), ASKING)
        assert runs.interrupt(40, signal.SIGTERM)
        ended = read_witness(runs.witness)
        assert check_books(place.data, server.requests, ended) == []
        kept = len(ended.kept)
        assert kept >= 35
        assert runs.kill_at("arrived:25")
        runs.finish()
        said = read_witness(runs.witness)
        assert count_repaid(server.requests, said) == 0
        assert count_twice(server.requests, said) <= 8
    assert check_records(place.store, NAME, place.world) == []
    for table in ("candidate_tags", "tagged_output"):
        whole = DuckDBStore(expected / "warehouse").read(NAME, table)
        assert place.store.read(NAME, table).equals(whole)


def test_neither_key_nor_content_is_in_any_log_and_the_key_in_no_file_at_all(place: Place) -> None:
    path = place.data / NAME / "contents" / "contents.jsonl"
    path.write_text(json.dumps({"id": "canary", "title": CANARY}) + "\n" + path.read_text("utf-8"), encoding="utf-8")
    with FaultServer(read_words) as server:
        said = name_endpoint(server, "reader")
        runs = Children(place.data, NAME, server, said, f"raw_clues,{ASKING}")
        server.script("echo:401")
        assert runs.start().wait(120) == 1

        def explain_itself(request: Request) -> str:
            kinds = {"tags": "echo:500", "numbers": "echo:400"}
            found = [fault for word, fault in kinds.items() if f'"{word}":' in request.raw.decode()]
            return found[0] if found and CANARY in see(request) else ""

        server.faults = explain_itself
        runs.finish()
    assert any(CANARY in see(request) for request in server.requests)
    from tagflow.cli.exports import run_export

    for artifact in ("tagged_output", "tagged_output.dead_letters", "tagged_output.content_status"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TAGFLOW_DATA", str(place.data))
            run_export(NAME, artifact, place.data / f"{artifact}.jsonl")
    letters = place.store.read(NAME, "candidate_tags", "dead_letters")
    assert letters["content_id"].to_list() == ["canary"]
    home = place.data / ".dagster"
    files = [file for file in place.data.parent.rglob("*") if file.is_file()]
    told = [file for file in files if home in file.parents or file.name == "said" or file.suffix == ".jsonl"]
    assert any(file.name.endswith(".db") for file in told)
    assert [file for file in files if KEY.encode() in file.read_bytes()] == []
    spoken = [file for file in told if CANARY.encode() in file.read_bytes()]
    assert spoken == [path]
