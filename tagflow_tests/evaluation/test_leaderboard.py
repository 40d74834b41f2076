"""The leaderboard over datasets, from reports written by hand."""

import polars as pl
import pytest

from tagflow.evaluation.leaderboard import cross_methods, gather_leaderboard
from tagflow.schemas import ACROSS, EVALUATION_REPORT
from tagflow.tables import check_tables
from tagflow_tests.frames import make_frame


def make_report(values: dict[str, float], verdicts: dict[str, str], not_run: dict[str, str], contents: int = 200):
    tables = EVALUATION_REPORT.tables
    rows = [
        {"method": method, "metric": metric, "value": value * share, "low": 0.1, "high": 0.9, "n": contents}
        for method, value in values.items()
        for metric, share in (("nDCG@10", 1.0), ("P@1", 0.5), ("R@10", 0.25))
    ]
    costs = [
        {"method": method, "contents": contents, "seconds": 4.0, "requests": 30, "answers_reused": 10, "tokens": 0,
         "unanswered": 20, "not_run": None}
        for method in verdicts
    ] + [
        {"method": method, "contents": 0, "seconds": None, "requests": 0, "answers_reused": 0, "tokens": 0,
         "unanswered": 0, "not_run": why}
        for method, why in not_run.items()
    ]  # fmt: skip
    differences = [
        {"method": method, "metric": metric, "difference": 0.0, "low": 0.0, "high": 0.0, "verdict": verdict, "n": 1}
        for method, verdict in verdicts.items()
        for metric in ("nDCG@10", "P@1")
    ]
    return {
        "evaluation_report": make_frame(tables["evaluation_report"], rows, note=None),
        "method_costs": make_frame(tables["method_costs"], costs, money=None),
        "differences": make_frame(tables["differences"], differences),
    }


@pytest.fixture
def board() -> pl.DataFrame:
    reports = {
        "shoes": make_report(
            {"ours": 0.8, "plain": 0.6, "lucky": 0.9}, {"plain": "worse", "lucky": "tied"}, {"asker": "no endpoint"}
        ),
        "empty": make_report({}, {}, {}),
        "books": make_report({"ours": 0.4, "plain": 0.5}, {"plain": "better"}, {"asker": "no endpoint"}),
    }
    return gather_leaderboard(reports)


def test_a_row_for_each_dataset_and_method_best_first_and_those_that_did_not_run_last(board):
    check_tables(ACROSS["leaderboard"], {"leaderboard": board})
    assert board.select("dataset", "method", "ndcg10", "p1", "verdict", "not_run").rows() == [
        ("shoes", "lucky", 0.9, 0.45, "tied", None),
        ("shoes", "ours", 0.8, 0.4, "in use", None),
        ("shoes", "plain", 0.6, 0.3, "worse", None),
        ("shoes", "asker", None, None, None, "no endpoint"),
        ("books", "plain", 0.5, 0.25, "better", None),
        ("books", "ours", 0.4, 0.2, "in use", None),
        ("books", "asker", None, None, None, "no endpoint"),
    ]


def test_costs_are_for_a_thousand_contents_of_those_that_it_was_measured_on(board):
    plain = board.filter(pl.col("method") == "plain").row(0, named=True)
    assert (plain["seconds"], plain["requests"], plain["unanswered"]) == (20.0, 200.0, 0.1)  # 200 contents
    assert board.filter(pl.col("method") == "ours")["seconds"].to_list() == [None, None]


def test_methods_are_crossed_with_datasets_by_their_mean_over_those_they_ran_on(board):
    crossed = cross_methods(board, "ndcg10")
    assert crossed.columns == ["method", "mean", "datasets", "shoes", "books"]
    assert crossed["mean"].to_list() == pytest.approx([0.9, 0.6, 0.55])
    assert crossed.drop("mean").rows() == [
        ("lucky", 1, 0.9, None), ("ours", 2, 0.8, 0.4), ("plain", 2, 0.6, 0.5)
    ]  # fmt: skip


def test_no_reports_give_an_empty_board():
    board = gather_leaderboard({})
    check_tables(ACROSS["leaderboard"], {"leaderboard": board})
    assert len(cross_methods(board, "p1")) == 0
