"""What tagging takes is summed over runs as long as the same method and model tag."""

import json
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from tagflow.pipeline.costs import METHOD_COSTS, TAGGING_COSTS, Account, add_costs, refuse, report_costs
from tagflow.pipeline.language_desk import Spent
from tagflow_tests.conftest import Demo
from tagflow_tests.frames import make_frame
from tagflow_tests.pipeline.runs import materialize
from tagflow_tests.pipeline.test_automation import increment

FIRST = {
    "contents": 100,
    "seconds": 2.0,
    "requests": 300,
    "answers_reused": 20,
    "tokens": 5000,
    "money": 0.5,
    "unanswered": 3,
}
SECOND = {"contents": 3, "seconds": 0.5, "requests": 9, "answers_reused": 0, "tokens": 150, "money": 0.25}
SECOND["unanswered"] = 1
BOTH = {"contents": 103, "seconds": 2.5, "requests": 309, "answers_reused": 20, "tokens": 5150, "money": 0.75}
BOTH["unanswered"] = 4


def test_what_the_same_model_takes_is_added_up() -> None:
    once = add_costs(TAGGING_COSTS.empty(), "llm4tag/llm:reader", FIRST)
    assert once.to_dicts() == [{"model": "llm4tag/llm:reader", **FIRST}]
    assert add_costs(once, "llm4tag/llm:reader", SECOND).to_dicts() == [{"model": "llm4tag/llm:reader", **BOTH}]


def test_another_model_begins_anew_and_a_run_that_asks_nobody_changes_nothing() -> None:
    once = add_costs(TAGGING_COSTS.empty(), "llm4tag/llm:reader", FIRST)
    assert add_costs(once, "llm4tag/llm:other", SECOND).to_dicts() == [{"model": "llm4tag/llm:other", **SECOND}]
    assert add_costs(once, "llm4tag/llm:other", SECOND | {"contents": 0}).equals(once)


@pytest.mark.parametrize(("before", "now", "sum_"), [(None, None, None), (None, 0.25, 0.25), (0.5, None, 0.5)])
def test_money_is_known_as_far_as_a_price_was(before: float | None, now: float | None, sum_: float | None) -> None:
    once = add_costs(TAGGING_COSTS.empty(), "m", FIRST | {"money": before})
    assert add_costs(once, "m", SECOND | {"money": now})["money"].item() == sum_


def test_an_account_has_what_came_since_it_was_opened_to_the_last_digit() -> None:
    """A content may cost a hundredth of a thousandth; none of it is lost to the four digits that people see."""
    books = iter([Spent(1, 0, 10, 5, 0.00001), Spent(4, 1, 40, 25, 0.00004)])
    dataset: Any = SimpleNamespace(desk=SimpleNamespace(read_books=lambda: next(books)))
    spent = Account(dataset).settle(contents=2, unanswered=0)
    assert (spent["requests"], spent["answers_reused"], spent["tokens"]) == (3, 1, 50)
    assert spent["money"] == pytest.approx(0.00003)


def test_the_own_method_stands_first_with_what_it_took_and_one_that_was_not_run_with_the_reason() -> None:
    stored = {"costs": make_frame(TAGGING_COSTS, [{"model": "llm4tag/llm:reader", **FIRST}])}
    others = [{"method": "carp", **refuse("no language model")}]
    told = report_costs("llm4tag", stored, others)
    assert told.schema == pl.Schema(METHOD_COSTS.dtypes)
    assert told.select("method", "contents", "tokens", "seconds", "not_run").rows() == [
        ("llm4tag", 100, 5000, 2.0, None),
        ("carp", 0, 0, None, "no language model"),
    ]
    assert report_costs("llm4tag", {}, others)["method"].to_list() == ["carp"], "tagged by an earlier tagflow"


def test_a_new_content_is_added_to_the_sums_and_a_full_run_begins_them_anew(demo_copy: Demo) -> None:
    def read() -> dict[str, object]:
        return demo_copy.store.read("recipes", "tagged_output", "costs").row(0, named=True)

    first = read()
    assert (first["contents"], first["requests"], first["money"], first["unanswered"]) == (176, 0, None, 0)
    record = {"id": "new-1", "title": "Lentil soup with lemon", "caption": "A pot of red lentils."}
    (demo_copy.data / "recipes" / "contents" / "later.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    increment(demo_copy.data)
    second = read()
    assert second["contents"] == 177
    assert second["seconds"] > first["seconds"]
    materialize(demo_copy.data, "recipes", "*tagged_output")
    assert read()["contents"] == 177, "all, once"
