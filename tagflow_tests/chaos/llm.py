"""Whole runs with a language model as brain against an endpoint that breaks, and runs that are killed.

Run ``python -m tagflow_tests.chaos.llm``. Every round tags a world of generated texts through the real assets with a
model nobody asked before, while a share of the requests breaks in a seeded way, and checks that every record is in
exactly one place, that accounts and manifest say what the server's own ledger says, that asking again once the server
is well mends everything and touches nothing else, and that nothing that was kept is paid again. Then runs are killed
and told to end, at random and at named points, and a budget ends in the midst of one. The last line is JSON.
"""

import json
import random
import signal
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import click
import polars as pl

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow_tests.chaos.children import Children
from tagflow_tests.chaos.ledger import (
    STATUSES,
    check_books,
    check_records,
    count_doubled,
    count_ends,
    count_repaid,
    count_twice,
    read_tokens,
    read_witness,
)
from tagflow_tests.chaos.runs import environment, name_endpoint, run_assets, run_job
from tagflow_tests.chaos.wiring import POINTS, WITNESS, wire
from tagflow_tests.chaos.worlds import World, write_world
from tagflow_tests.llm.fault_server import FaultServer, Request
from tagflow_tests.llm.faults import PASSING, Mix
from tagflow_tests.llm.keyword_reader import read_words

NAME = "world"
CONCURRENCY = 8
KINDS = (
    *PASSING * 4,
    *("length", "content_filter", "refusal", "schema_ignored", "surrogate", "null_logprobs", "one_choice", "too_long"),
    *("no_usage", "null_usage", "odd_usage", "gzip", "huge:2", "drip:60", "hang"),
)  # fmt: skip
"""What breaks: mostly what a further attempt cures, and some of what spoils an answer or takes its time."""

KILLED_AT = 17
"""The how manieth answer or booking a named point kills at."""


@dataclass
class Total:
    """What all rounds came to."""

    faults: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    records: int = 0
    doubled: int = 0
    twice: int = 0
    repaid: int = 0
    kills: int = 0
    wrong: list[str] = field(default_factory=list)

    def check(self, what: str, *wrong: str) -> None:
        """Keep what is wrong and say it."""
        for fault in wrong:
            click.echo(f"WRONG: {what}: {fault}")
            self.wrong.append(f"{what}: {fault}")

    def expect(self, what: str, found: object, wanted: object) -> None:
        """Check that two things are the same."""
        if found != wanted:
            self.check(what, f"{found}, not {wanted}")


def be_well(request: Request) -> str:
    """Give no fault."""
    return ""


def run_round(total: Total, folder: Path, seed: int, contents: int, share: float) -> None:
    """Tag a world while the server breaks, mend it, and run it again."""
    data, witness = folder / "data", folder / "witness"
    world, store = write_world(data, NAME, seed, contents), DuckDBStore(data / "warehouse")
    mix = Mix(share, KINDS, seed)
    with FaultServer(read_words, mix) as server:
        with environment({**name_endpoint(server, f"reader-{seed}", concurrency=16), WITNESS: str(witness)}):
            run_assets(data, NAME)
            ends = _check_all(total, f"round {seed}", data, world, server.requests, witness)
            total.faults += sum(mix.drawn.values())
            total.kinds.update(mix.drawn)
            total.ends += ends
            total.records += len(world.records)
            total.doubled += count_doubled(store, NAME)
            broken, before = len(server.requests), store.read_all(NAME, "tagged_output")
            failed = before["content_status"].filter(pl.col("status").is_in(["dead_lettered", "pending"]))["content_id"]
            server.faults = be_well
            run_job(data, NAME)
            mended = _check_all(total, f"round {seed} asked again", data, world, server.requests, witness)
            total.expect(f"round {seed}: still without an answer", mended["dead_lettered"] + mended["pending"], 0)
            unproposed = len(store.read(NAME, "candidate_tags", "dead_letters"))
            total.expect(f"round {seed}: still without proposals", unproposed, 0)
            after = store.read_all(NAME, "tagged_output")
            for table, rows in before.items():
                if "content_id" not in rows.columns:
                    continue
                kept = [each.filter(~pl.col("content_id").is_in(failed.implode())) for each in (rows, after[table])]
                if not kept[0].equals(kept[1]):
                    total.check(f"round {seed}", f"asking again changed rows of {table} that had not failed")
            again = len(server.requests) - broken
            run_assets(data, NAME)
            _check_all(total, f"round {seed} run again", data, world, server.requests, witness)
            third = len(server.requests)
            if seed % 4 == 0:
                tables = {name: store.read(NAME, name) for name in ("candidate_tags", "tagged_output")}
                run_assets(data, NAME)
                total.expect(f"round {seed}: requests of an unchanged run", len(server.requests) - third, 0)
                same = [name for name, rows in tables.items() if store.read(NAME, name).equals(rows)]
                total.expect(f"round {seed}: tables an unchanged run left as they were", same, [*tables])
            said = read_witness(witness)
            total.twice += count_twice(server.requests, said)
            total.repaid += count_repaid(server.requests, said)
    click.echo(
        f"round {seed}: {share:.0%}, {sum(mix.drawn.values())} faults in {broken} requests, "
        f"{', '.join(f'{count} {status}' for status, count in ends.items())}; "
        f"{again} requests mended {len(failed)} contents, {third - broken - again} followed"
    )


def _check_all(
    total: Total, what: str, data: Path, world: World, requests: list[Request], witness: Path
) -> Counter[str]:
    store = DuckDBStore(data / "warehouse")
    total.check(what, *check_records(store, NAME, world), *check_books(data, requests, read_witness(witness)))
    return count_ends(store, NAME)


def run_kills(total: Total, folder: Path, contents: int, kills: int, points: tuple[str, ...]) -> None:
    """Kill runs at random and named points, tell some to end, and compare what comes of it with a run left alone."""
    reference = folder / "reference"
    with FaultServer(read_words) as server, environment(name_endpoint(server, "reader")):
        world = write_world(reference, NAME, 0, contents)
        run_assets(reference, NAME)
        calls = len(server.requests)
    drawn = random.Random(0)
    with FaultServer(read_words, latency=0.03) as server:
        (folder / "killed").mkdir(parents=True)
        data = folder / "killed" / "data"
        write_world(data, NAME, 0, contents)
        runs = Children(data, NAME, server, name_endpoint(server, "reader", concurrency=CONCURRENCY))
        started = time.monotonic()
        step = max(2, calls // (kills + 4))
        for point in points:
            asked = point if "_" in point else f"{point}:{KILLED_AT}"
            if not runs.kill_at(asked):
                total.check("kills", f"the run came to its end before {asked}")
        for _ in range(kills):
            runs.interrupt(1 + drawn.randrange(2 * step), signal.SIGKILL, drawn)
        runs.finish()
        said = read_witness(runs.witness)
        repaid, duplicates = count_repaid(server.requests, said), count_twice(server.requests, said)
        total.kills += runs.kills
        total.repaid += repaid
        total.twice += duplicates
        if duplicates > runs.kills * CONCURRENCY:
            total.check("kills", f"{duplicates} duplicates after {runs.kills} kills at {CONCURRENCY} in flight")
        total.expect("kills: stored answers paid again", repaid, 0)
        total.check("kills", *check_records(DuckDBStore(data / "warehouse"), NAME, world))
        for table in ("candidate_tags", "tagged_output"):
            whole, left = (DuckDBStore(each / "warehouse").read(NAME, table) for each in (data, reference))
            if not whole.equals(left):
                total.check("kills", f"{table} is not what an undisturbed run makes")
        click.echo(
            f"{runs.kills} kills in {time.monotonic() - started:.0f} s, {calls} calls: {duplicates} duplicates, "
            f"{repaid} stored answers paid again"
        )


def run_ends(total: Total, folder: Path, contents: int, ends: int) -> None:
    """End runs by SIGTERM alone, and kill the first process of runs in one and in many processes."""
    with FaultServer(read_words, latency=0.03) as server:
        (folder / "ended").mkdir()
        data = folder / "ended" / "data"
        write_world(data, NAME, 1, contents)
        runs = Children(data, NAME, server, name_endpoint(server, "reader", concurrency=CONCURRENCY))
        ended = sum(runs.interrupt(contents // 4, signal.SIGTERM) for _ in range(ends))
        runs.finish()
        said = read_witness(runs.witness)
        total.expect("SIGTERM: duplicates", count_twice(server.requests, said), 0)
        total.expect("SIGTERM: stored answers paid again", count_repaid(server.requests, said), 0)
        total.check("SIGTERM", *check_books(data, server.requests, said))
        click.echo(f"{ended} runs told to end: {count_twice(server.requests, said)} duplicates")
    with FaultServer(read_words, latency=0.2) as server:
        (folder / "orphan").mkdir()
        data = folder / "orphan" / "data"
        write_world(data, NAME, 2, contents)
        runs = Children(data, NAME, server, name_endpoint(server, "reader", concurrency=CONCURRENCY))
        runs.interrupt(contents // 4, signal.SIGKILL)
        before = len(server.requests)
        time.sleep(5)
        total.expect("requests after the run's one process was killed", len(server.requests), before)
        within, later = runs.orphan(contents // 4, 5.0)
        total.expect("requests from 5 s after the first of many processes was killed", later, 0)
        click.echo(f"the first of many processes killed: {within} further requests in 5 s, then {later}")


def run_budget(total: Total, folder: Path, contents: int) -> None:
    """Let a budget end in the midst of a run, and finish without it."""
    data, witness = folder / "budget" / "data", folder / "budget" / "witness"
    world = write_world(data, NAME, 3, contents)
    with FaultServer(read_words, Mix(0.1, PASSING, 3)) as server:
        for number, budget in enumerate((f"{contents * 3} requests", f"{contents * 200} tokens", "0.01 EUR", None)):
            before, sent = read_tokens(data) if number else (0, 0), len(server.requests)
            said = name_endpoint(server, "reader", concurrency=32, price="1/2 EUR", budget=budget)
            with environment({**said, WITNESS: str(witness)}):
                run_assets(data, NAME)
            ends = _check_all(total, f"budget {budget}", data, world, server.requests, witness)
            took = sum(read_tokens(data)) - sum(before)
            click.echo(f"budget {budget}: {len(server.requests) - sent} requests, {took} tokens, {dict(ends)}")
            if number == 0:
                total.expect("requests of a budget", len(server.requests) <= contents * 3, True)
            if number == 1:
                total.expect("tokens of a budget", took <= contents * 200, True)
            if number == 2:
                total.expect("money of a budget", took <= 10_000, True)
            total.expect("contents wait", ends["pending"] > 0, budget is not None)
        said = read_witness(witness)
        total.expect("budgets: stored answers paid again", count_repaid(server.requests, said), 0)


@click.command()
@click.option("--seeds", default=0, show_default=True, help="The first seed; every round takes the next.")
@click.option("--faults", default=10_000, show_default=True, help="Faults to be reached.")
@click.option("--kills", default=20, show_default=True, help="Kills at random points.")
@click.option("--contents", default=500, show_default=True, help="Contents of a world whose runs are killed.")
@click.option("--broken", default=2_000, show_default=True, help="Contents of a world whose server breaks.")
@click.option("--quick", is_flag=True, help="A small round of everything.")
def main(seeds: int, faults: int, kills: int, contents: int, broken: int, quick: bool) -> None:
    """Break, kill, count."""
    if quick:
        faults, kills, contents, broken = 60, 2, 60, 60
    wire()
    total, seed = Total(), seeds
    with tempfile.TemporaryDirectory(prefix="tagflow-chaos-") as folder:
        while total.faults < faults:
            share = random.Random(seed).uniform(0.05, 0.2)
            run_round(
                total, Path(folder) / f"round {seed}", seed, broken, share
            )  # large: a run costs seconds by itself
            seed += 1
        run_budget(total, Path(folder), contents)
        run_kills(total, Path(folder) / "random", contents, kills, ())
        run_kills(total, Path(folder) / "named", max(60, contents // 4), 0, POINTS[:2] if quick else POINTS)
        run_ends(total, Path(folder), max(60, contents // 4), 1 if quick else 5)
    click.echo(f"faults by kind: {dict(total.kinds.most_common())}")
    names = {"no_tag": "no_tag_fits"}
    counted = {name: total.ends[names.get(name, name)] for name in ("tagged", "no_tag", *STATUSES[2:])}
    said = {
        "faults": total.faults,
        "in": total.records,
        **counted,
        "duplicate_rows": total.doubled,
        "duplicate_payments": total.twice,
        "kills": total.kills,
        "stored_repaid": total.repaid,
    }
    click.echo(json.dumps(said))
    if total.wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
