"""A budget holds, whatever happens at once; what may have been paid is counted."""

import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tagflow.adapters.egress_manifest import EgressManifest
from tagflow.adapters.journal_file import NAME, JournalFile
from tagflow.adapters.money import PICO, Budget, Price, parse_budget, parse_price
from tagflow.adapters.spending import SpendingMeter
from tagflow.errors import ConfigError

EURO = Price(150_000, 600_000, "EUR")  # 0.15 and 0.60 EUR for a million tokens

SPENDER = """
import sys, time
from pathlib import Path
from tagflow.adapters.journal_file import JournalFile
from tagflow.adapters.money import Budget
from tagflow.adapters.spending import SpendingMeter

meter = SpendingMeter(JournalFile(Path(sys.argv[1])), Budget(requests=120), run="shared", stage=sys.argv[2])
print(meter.reserve("judge", 0, 0), flush=True)
sys.stdin.readline()
sent = 1
while (reservation := meter.reserve("judge", 5, 5)) is not None:
    sent += 1
    meter.settle(reservation, 1, 1)
print(sent, flush=True)
if sys.argv[2] == "kill":
    time.sleep(60)
"""

SENDER = """
import os, sys, threading
from pathlib import Path
from tagflow.adapters.egress_manifest import EgressManifest
from tagflow.adapters.journal_file import JournalFile
from tagflow.adapters.money import Budget
from tagflow.adapters.spending import SpendingMeter
from tagflow.calls import Call

file = JournalFile(Path(sys.argv[1]))
meter, manifest = SpendingMeter(file, Budget(), run=sys.argv[2]), EgressManifest(file, run=sys.argv[2])

def send(worker):
    for number in range(1_000_000):
        reservation = meter.reserve("judge", 10, 1)
        manifest.record("host", Call("judge", f"{worker} {number}", (), 1), 5)
        os.write(1, b"sent\\n")
        meter.settle(reservation, 3, 1)

for worker in range(8):
    threading.Thread(target=send, args=(worker,)).start()
"""


def test_no_run_at_any_concurrency_spends_more_than_its_budget(tmp_path: Path) -> None:
    with JournalFile(tmp_path / NAME) as file:
        for seed in range(100):
            chance = random.Random(seed)
            budget = Budget(
                chance.choice([None, 40, 90]), chance.randint(500, 4000), chance.randint(1, 9) * 10**8, "EUR"
            )
            meter = SpendingMeter(file, budget, EURO, run=f"run {seed}")
            paid: list[tuple[int, int]] = []  # the provider's own ledger

            def spend(worker: int, meter: SpendingMeter = meter, paid: list = paid, seed: int = seed) -> None:
                luck = random.Random(f"{seed} {worker}")
                for _ in range(5):
                    most = luck.randint(1, 200), luck.randint(1, 100)
                    reservation = meter.reserve("judge", *most)
                    if reservation is not None:
                        used = luck.randint(0, most[0]), luck.randint(0, most[1])
                        paid.append(used)
                        time.sleep(0)
                        meter.settle(reservation, *used)

            with ThreadPoolExecutor(32) as pool:
                list(pool.map(spend, range(32)))
            prompts, completions = sum(p for p, _ in paid), sum(c for _, c in paid)
            picos = 150_000 * prompts + 600_000 * completions
            spent = meter.spent()
            assert (spent.requests, spent.prompt_tokens, spent.completion_tokens, spent.picos) == (
                len(paid),
                prompts,
                completions,
                picos,
            )
            assert budget.tokens is not None
            assert budget.picos is not None
            assert prompts + completions <= budget.tokens
            assert picos <= budget.picos
            assert budget.requests is None or len(paid) <= budget.requests
            assert paid


def test_what_is_in_flight_is_set_aside_at_its_most(tmp_path: Path) -> None:
    with JournalFile(tmp_path / NAME) as file:
        meter = SpendingMeter(file, Budget(tokens=100), run="r")
        first = meter.reserve("judge", 50, 10)
        assert first is not None
        assert meter.reserve("judge", 41, 0) is None
        assert meter.reserve("judge", 40, 0) is not None
        assert meter.settle(first, 20, 5) == 0.0
        assert meter.reserve("judge", 36, 0) is None
        assert meter.reserve("judge", 35, 0) is not None


def test_money_is_exact_to_the_token(tmp_path: Path) -> None:
    with JournalFile(tmp_path / NAME) as file:
        meter = SpendingMeter(file, Budget(picos=3 * 150_000 + 600_000, currency="EUR"), EURO, run="r")
        for _ in range(3):
            reservation = meter.reserve("judge", 1, 0)
            assert reservation is not None
            assert meter.settle(reservation, 1, 0) == 0.00000015
        assert meter.reserve("judge", 0, 2) is None
        assert meter.reserve("judge", 0, 1) is not None
        assert meter.reserve("judge", 0, 1) is None
        assert meter.reserve("judge", 0, 0) is not None, "what costs nothing is no matter of money"


def test_a_failed_request_counts_as_one_and_a_wild_bill_neither_gives_money_back_nor_breaks(tmp_path: Path) -> None:
    with JournalFile(tmp_path / NAME) as file:
        meter = SpendingMeter(file, Budget(requests=3), EURO, run="r")
        for used in ((0, 0), (-500, -500), (10**30, 0)):
            reservation = meter.reserve("judge", 10, 10)
            assert reservation is not None
            meter.settle(reservation, *used)
        assert meter.reserve("judge", 0, 0) is None
        spent = meter.spent()
        assert (spent.requests, spent.prompt_tokens, spent.completion_tokens) == (3, 10**9, 0)
        assert spent.money == 150.0


def test_a_reservation_is_settled_once(tmp_path: Path) -> None:
    with JournalFile(tmp_path / NAME) as file:
        meter = SpendingMeter(file, Budget(), run="r")
        reservation = meter.reserve("judge", 10, 10)
        assert reservation is not None
        meter.settle(reservation, 1, 1)
        for number in (reservation, 77):
            with pytest.raises(ValueError, match="is not open"):
                meter.settle(number, 1, 1)
        assert meter.spent().prompt_tokens == 1


def test_the_budget_holds_for_a_run_over_its_stages_and_processes_and_not_for_the_next_run(tmp_path: Path) -> None:
    with JournalFile(tmp_path / NAME) as file:
        before = SpendingMeter(file, Budget(requests=2), run="r", stage="candidate_tags")
        assert before.reserve("propose", 1, 1) is not None  # and its process dies here
    with JournalFile(tmp_path / NAME) as file:
        after = SpendingMeter(file, Budget(requests=2), run="r", stage="tagged_output")
        assert after.reserve("judge", 1, 1) is not None
        assert after.reserve("judge", 1, 1) is None
        assert SpendingMeter(file, Budget(requests=2), run="next").reserve("judge", 1, 1) is not None


def test_two_processes_share_a_budget_and_a_killed_one_leaves_it_right(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SPENDER, str(tmp_path / NAME), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("live", "kill")
    ]
    pipes = [(process.stdin, process.stdout) for process in processes]
    for _, out in pipes:
        assert out is not None
        assert out.readline() == "1\n"
    for into, _ in pipes:
        assert into is not None
        into.write("go\n")
        into.flush()
    sent = [int(out.readline()) for _, out in pipes if out is not None]
    processes[1].kill()
    for process in processes:
        process.communicate()
    assert sum(sent) == 120
    with JournalFile(tmp_path / NAME) as file:
        spent = SpendingMeter(file, Budget(requests=120), run="shared").spent()
    assert (spent.requests, spent.prompt_tokens) == (120, 118)


def test_whenever_a_process_is_killed_every_request_that_was_sent_is_paid_for_and_in_the_manifest(
    tmp_path: Path,
) -> None:
    chance = random.Random(9)
    for kill in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", SENDER, str(tmp_path / NAME), f"run {kill}"], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        said = b"".join(process.stdout.readline() for _ in range(chance.randint(1, 200)))
        process.kill()
        sent = (said + process.stdout.read()).count(b"\n")  # as the provider counts
        process.wait()
        with JournalFile(tmp_path / NAME) as file:
            spent = SpendingMeter(file, Budget(), run=f"run {kill}").spent()
            requests, records = EgressManifest(file, run=f"run {kill}").read().select("requests", "records").row(0)
        assert sent <= spent.requests <= sent + 8
        assert sent <= requests <= sent + 8
        assert records == requests
        assert spent.prompt_tokens >= 3 * sent, "settled at 3, in flight at 10"


def test_a_summary_says_what_was_spent_of_what(tmp_path: Path) -> None:
    with JournalFile(tmp_path / NAME) as file:
        budget = Budget(1000, None, 5 * PICO, "EUR")
        meter = SpendingMeter(file, budget, EURO, run="r")
        reservation = meter.reserve("judge", 10**7, 58 * 10**5 + 9)
        assert reservation is not None
        meter.settle(reservation, 10**7, 58 * 10**5)
        assert str(meter.spent()) == "4.98 of 5.00 EUR, 1 of 1000 requests, 15800000 tokens"
        free = SpendingMeter(file, Budget(), run="other")
        assert str(free.spent()) == "0 requests, 0 tokens"


def test_a_budget_of_money_needs_a_price_in_its_currency(tmp_path: Path) -> None:
    with JournalFile(tmp_path / NAME) as file:
        for price in (None, Price(1, 1, "USD")):
            with pytest.raises(ValueError, match="price in its currency"):
                SpendingMeter(file, Budget(picos=1, currency="EUR"), price, run="r")


def test_threads_that_start_together_share_the_last_request(tmp_path: Path) -> None:
    with JournalFile(tmp_path / NAME) as file:
        meter = SpendingMeter(file, Budget(requests=1), run="r")
        barrier = threading.Barrier(16)

        def reserve(_: int) -> int | None:
            barrier.wait(timeout=20)
            return meter.reserve("judge", 1, 1)

        with ThreadPoolExecutor(16) as pool:
            assert sum(number is not None for number in pool.map(reserve, range(16))) == 1


@pytest.mark.parametrize(
    ("said", "picos"),
    [("0.15/0.60 EUR", (150_000, 600_000)), ("3 / 12  USD", (3_000_000, 12_000_000)), ("0/0.000001 CNY", (0, 1))],
)
def test_a_price_is_for_a_million_tokens(said: str, picos: tuple[int, int]) -> None:
    price = parse_price(said)
    assert (price.prompt, price.completion) == picos
    assert price.count_money(10**6, 0) == picos[0] / 10**6


@pytest.mark.parametrize(
    "said", ["", "0.15", "0.15/0.60", "0.15/0.60 eur", "-1/2 EUR", "1e3/2 EUR", "nan/1 EUR", "1,5/2 EUR", "1/2/3 EUR"]
)
def test_what_is_no_price_is_refused(said: str) -> None:
    with pytest.raises(ConfigError, match=r"such as 0\.15/0\.60 EUR"):
        parse_price(said)


@pytest.mark.parametrize(
    ("said", "budget"),
    [
        ("5 EUR", Budget(picos=5 * PICO, currency="EUR")),
        ("1000 requests", Budget(requests=1000)),
        ("2M tokens", Budget(tokens=2_000_000)),
        ("0.5k requests , 1.25M tokens,0.07 USD", Budget(500, 1_250_000, 7 * PICO // 100, "USD")),
        ("0 requests", Budget(requests=0)),
        ("1 request, 1 token", Budget(1, 1)),
    ],
)
def test_a_budget_limits_money_requests_and_tokens(said: str, budget: Budget) -> None:
    assert parse_budget(said) == budget


@pytest.mark.parametrize(
    "said",
    ["", "5", "EUR 5", "5 euro", "-5 EUR", "1,000 requests", "1.5 requests", "2m tokens", "5 EUR,", "٥ EUR", "inf EUR"],
)
def test_what_is_no_budget_is_refused(said: str) -> None:
    with pytest.raises(ConfigError, match="such as 5 EUR, 1000 requests, 2M tokens"):
        parse_budget(said)


def test_a_limit_that_stands_twice_is_refused() -> None:
    for said, kind in (("5 EUR, 6 USD", "money"), ("1 request, 2 requests", "requests")):
        with pytest.raises(ConfigError, match=f"{kind} stands twice"):
            parse_budget(said)
