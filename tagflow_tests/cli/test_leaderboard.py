"""What the leaderboard prints, from a board written by hand and from a dataset that was run."""

import json

import polars as pl
import pytest
from click.testing import CliRunner

from tagflow.cli.leaderboard import show_leaderboard
from tagflow.cli.main import cli
from tagflow.schemas import LEADERBOARD
from tagflow_tests.frames import make_frame


def test_methods_stand_by_their_mean_with_marks_and_what_was_not_run_below():
    rows = [
        {"dataset": "shoes", "method": "ours", "ndcg10": 0.8, "p1": 0.7, "verdict": "in use"},
        {"dataset": "shoes", "method": "plain", "ndcg10": 0.6, "p1": 0.9, "verdict": "worse"},
        {"dataset": "shoes", "method": "asker", "not_run": "no endpoint"},
        {"dataset": "books", "method": "plain", "ndcg10": 1.0, "p1": 1.0, "verdict": "better"},
        {"dataset": "books", "method": "asker", "not_run": "no endpoint"},
        {"dataset": "books", "method": "plain2", "ndcg10": 0.1, "p1": 0.0, "verdict": "tied"},
    ]
    assert show_leaderboard(make_frame(LEADERBOARD.tables["leaderboard"], rows)) == [
        "nDCG@10        mean  shoes   books",
        "ours     0.800 of 1  .800*      –",
        "plain    0.800 of 2  .600-  1.000+",
        "plain2   0.100 of 1     –    .100=",
        "",
        "P@1           mean  shoes   books",
        "plain   0.950 of 2  .900   1.000",
        "ours    0.700 of 1  .700       –",
        "plain2  0.000 of 1     –    .000",
        "",
        "* the method in use; + better, - worse, = tied with it in nDCG@10 by the paired 95 % interval",
        "not run: asker: no endpoint",
    ]


def test_many_datasets_are_put_below_each_other_so_that_a_line_fits():
    rows = [{"dataset": f"set{n}", "method": "ours", "ndcg10": 0.5, "p1": 0.5, "verdict": "in use"} for n in range(8)]
    lines = show_leaderboard(make_frame(LEADERBOARD.tables["leaderboard"], rows))
    headings = [line.split() for line in lines if line.startswith("nDCG@10")]
    assert headings == [
        ["nDCG@10", "mean", *(f"set{n}" for n in range(6))],
        ["nDCG@10", "set6", "set7"],
    ]


def test_the_command_reads_what_was_evaluated_and_names_what_was_not(demo_copy, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TAGFLOW_DATA", str(demo_copy.data))
    shown = CliRunner().invoke(cli, ["leaderboard"])
    assert shown.exit_code == 0
    report = demo_copy.store.read("recipes", "evaluation_report")
    best = report.filter((pl.col("metric") == "nDCG@10") & (pl.col("method") == "llm4tag"))["value"][0]
    first = next(line for line in shown.output.splitlines() if line.startswith("llm4tag"))
    assert first.split() == ["llm4tag", f"{best:.3f}", "of", "1", f"{best:.3f}*".removeprefix("0")]
    rows = json.loads(CliRunner().invoke(cli, ["leaderboard", "recipes", "--json"]).output)
    assert {row["dataset"] for row in rows} == {"recipes"}
    missing = CliRunner().invoke(cli, ["leaderboard", "nowhere"])
    assert missing.exit_code != 0
