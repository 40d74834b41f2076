"""The books of a run under test: what the server was asked and paid, against what the run kept, booked and tagged."""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.adapters.journal_file import NAME, JournalFile
from tagflow.adapters.response_journal import ResponseJournal
from tagflow.calls import Call
from tagflow_tests.chaos.worlds import World
from tagflow_tests.llm.fault_server import Request

HARMLESS = ("", "no_usage", "null_usage", "odd_usage", "null_logprobs", "schema_ignored", "surrogate", "gzip")
"""Faults that leave an answer whole, so that it is kept."""

STATUSES = ("tagged", "no_tag_fits", "skipped", "quarantined", "dead_lettered", "pending")

PROBES = ("Is water wet?", "Name an object.", "Name an animal.")


def name_call(call: Call) -> str:
    """Return a name of the question, the same as ``name_request`` gives the request that asks it."""
    _, _, sample = call.version.partition(" sample ")
    return _name([[role, text] for role, text in call.messages], call.max_tokens, call.samples, sample)


def name_request(request: Request) -> str:
    """Return a name of the question that a request asks."""
    body = request.body
    said = [[message["role"], message["content"]] for message in body["messages"]]
    return _name(said, body["max_tokens"], body.get("n", 1), str(body.get("seed", "")))


def _name(*said: object) -> str:
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:24]


def is_probe(request: Request) -> bool:
    """Return whether the request only finds out what the endpoint does."""
    return request.text.startswith(PROBES)


@dataclass(frozen=True)
class Witness:
    """What runs said while they ran: when each answer was kept or discarded, and how many requests were booked as paid.

    ``kept`` has the times of both for each question, in turn, the first one that of keeping.
    """

    kept: dict[str, list[float]]
    paid: int
    unpaid: int


def read_witness(path: Path) -> Witness:
    """Read the lines of all processes so far; the last one of a killed process may be broken off."""
    kept: dict[str, list[float]] = {}
    counts: Counter[str] = Counter()
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            at, kind, *said = json.loads(line)
        except ValueError:
            continue
        counts[kind] += 1
        if said:
            times = kept.setdefault(said[0], [])
            if (kind == "kept") == (len(times) % 2 == 0):
                times.append(at)
    return Witness(kept, counts["paid"], counts["unpaid"])


def count_repaid(requests: list[Request], witness: Witness) -> int:
    """Return how many requests asked what had been kept before."""
    named = ((request.at, name_request(request)) for request in requests if not is_probe(request))
    return sum(sum(at > time for time in witness.kept.get(name, ())) % 2 for at, name in named)


def count_twice(requests: list[Request], witness: Witness) -> int:
    """Return how many paid requests asked what the server had answered in full before and the run did not discard."""
    answered: dict[str, float] = {}
    twice = 0
    for request in requests:
        if is_probe(request):
            continue
        name = name_request(request)
        dropped = witness.kept.get(name, [])[1::2]
        twice += name in answered and request.paid and not any(answered[name] < at < request.at for at in dropped)
        if request.fault in HARMLESS:
            answered[name] = request.at
    return twice


def check_books(data: Path, requests: list[Request], witness: Witness) -> list[str]:
    """Return how accounts, manifest and the server's own ledger differ; nothing may be in flight."""
    with JournalFile(data / "warehouse" / NAME) as file, file.read() as connection:
        (asked,) = connection.execute("SELECT coalesce(sum(requests), 0) FROM accounts").fetchone()
        sent, size = connection.execute(
            "SELECT coalesce(sum(requests), 0), coalesce(sum(bytes), 0) FROM egress"
        ).fetchone()
    paid = sum(request.paid for request in requests)
    pairs = {
        "requests of the accounts": (asked, len(requests)),
        "requests of the manifest": (sent, len(requests)),
        "bytes of the manifest": (size, sum(len(request.raw) for request in requests)),
        "paid requests of the meter": (witness.paid, paid),
        "free requests of the meter": (witness.unpaid, len(requests) - paid),
    }
    return [f"{what}: {ours} here, {theirs} at the server" for what, (ours, theirs) in pairs.items() if ours != theirs]


def read_tokens(data: Path) -> tuple[int, int]:
    """Return tokens of prompts and answers as the accounts have them."""
    with JournalFile(data / "warehouse" / NAME) as file:
        costs = ResponseJournal(file).costs()
    return int(costs["prompt_tokens"].sum()), int(costs["completion_tokens"].sum())


def count_ends(store: DuckDBStore, name: str) -> Counter[str]:
    """Return how many records ended in each status."""
    status = store.read(name, "tagged_output", "content_status")
    return Counter(dict(status["status"].value_counts().iter_rows()))


def check_records(store: DuckDBStore, name: str, world: World) -> list[str]:
    """Return which records are lost, doubled or not where their status says."""
    tables = store.read_all(name, "tagged_output")
    status, tagged, letters = tables["content_status"], tables["tagged_output"], tables["dead_letters"]
    faults = []
    if sorted(status["content_id"]) != sorted(world.records):
        lost, more = set(world.records) - set(status["content_id"]), set(status["content_id"]) - set(world.records)
        faults.append(
            f"lost {sorted(lost)}, made up {sorted(more)}, {len(status)} rows for {len(world.records)} records"
        )
    ends = {name: set(rows["content_id"]) for (name,), rows in status.group_by("status")}
    if unknown := set(ends) - set(STATUSES):
        faults.append(f"unknown statuses {unknown}")
    if len(ends.get("skipped", ())) != world.blank or len(ends.get("quarantined", ())) != world.broken:
        faults.append(f"skipped {len(ends.get('skipped', ()))}, quarantined {len(ends.get('quarantined', ()))}")
    if set(tagged["content_id"]) != ends.get("tagged", set()):
        faults.append("tags and the status tagged do not go together")
    waiting = ends.get("pending", set()) | ends.get("dead_lettered", set())
    if set(letters["content_id"]) != waiting:
        faults.append("dead letters and the statuses pending and dead_lettered do not go together")
    silent = status.filter(
        pl.col("status").is_in(["pending", "dead_lettered"]) & (pl.col("reason").fill_null("") == "")
    )
    if len(silent):
        faults.append(f"{len(silent)} records wait for no reason")
    if count := count_doubled(store, name):
        faults.append(f"{count} rows stand twice")
    return faults


def count_doubled(store: DuckDBStore, name: str) -> int:
    """Return how many rows of what the language model made stand more than once."""
    keys = {
        ("candidate_tags", "candidate_tags"): ["content_id", "tag"],
        ("candidate_tags", "proposed_contents"): ["content_id"],
        ("candidate_tags", "dead_letters"): ["content_id", "task"],
        ("tagged_output", "tagged_output"): ["content_id", "tag_id"],
        ("tagged_output", "scored_candidates"): ["content_id", "tag_id"],
        ("tagged_output", "dead_letters"): ["content_id", "task"],
        ("tagged_output", "content_status"): ["content_id"],
    }
    frames = ((store.read(name, artifact, table), key) for (artifact, table), key in keys.items())
    return sum(len(frame) - frame.select(key).n_unique() for frame, key in frames)
