"""``tagflow evaluate``: the methods asked for, the parts and fields left out, and the leaderboard that is printed."""

from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from tagflow.cli.evaluation import show_board
from tagflow.cli.main import cli
from tagflow.errors import ConfigError
from tagflow.schemas import EVALUATION_REPORT
from tagflow.tables import check_tables
from tagflow.taggers import list_variants
from tagflow_tests.conftest import Demo, call_tagflow
from tagflow_tests.frames import make_table


def test_methods_parts_and_fields_are_measured_and_printed(demo_copy: Demo, tmp_path: Path) -> None:
    said = call_tagflow(
        "evaluate", "recipes", "--methods", "tfidf,hashtags", "--ablations", data=demo_copy.data, cwd=tmp_path
    )
    assert said.code == 0, said.err
    board = said.out[said.out.index("recipes: 38 held-out contents with gold") :]
    tables = check_tables(EVALUATION_REPORT, demo_copy.store.read_all("recipes", "evaluation_report"))
    variants = {f"llm4tag {part}" for part in list_variants("llm4tag")}
    assert set(tables["method_costs"]["method"]) == {"llm4tag", "tfidf", "hashtags"} | variants
    assert tables["method_costs"].filter(pl.col("method") == "tfidf")["contents"].item() == 38
    own = tables["method_costs"].row(by_predicate=pl.col("method") == "llm4tag", named=True)
    assert (own["contents"], own["requests"], own["money"]) == (176, 0, None), "all that it tagged, for nothing"
    assert own["seconds"] > 0
    for method in ("llm4tag", "tfidf", *variants):
        assert f"\n  {method} " in board
    fields = tables["clue_results"]
    assert {"title", "caption", "asr"} <= set(fields["field"])
    assert (fields["low"] <= fields["with_it"] - fields["without_it"]).all()
    assert (fields["with_it"] - fields["without_it"] <= fields["high"]).all()


def test_a_misspelt_method_or_dataset_is_told_before_anything_is_run(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAGFLOW_DATA", str(demo.data))
    for words, told in ((("recipes", "--methods", "tfdif"), "tfdif"), (("recipes", "recipies"), "recipies")):
        result = CliRunner().invoke(cli, ["evaluate", *words])
        assert isinstance(result.exception, ConfigError)
        assert told in str(result.exception)
        assert result.output == ""


def test_the_board_shows_costs_verdicts_and_what_was_not_run() -> None:
    columns = ("method", "metric", "value", "low", "high", "n")
    rows = [
        ("own", "nDCG@10", 0.5, 0.4, 0.6, 50),
        ("other", "nDCG@10", 0.7, 0.6, 0.8, 50),
        ("own", "P@1", 0.25, 0.1, 0.4, 50),
    ]
    cost = {"contents": 50, "requests": 100, "answers_reused": 5, "tokens": 9, "unanswered": 2}
    difference = {"metric": "nDCG@10", "difference": 0.2, "low": 0.1, "high": 0.3, "verdict": "better", "n": 50}
    empty = {name: table.empty() for name, table in EVALUATION_REPORT.tables.items()}
    made = {
        "evaluation_report": [dict(zip(columns, row, strict=True)) for row in rows],
        "differences": [difference | {"method": "other"}],
        "method_costs": [
            cost | {"method": "other", "seconds": 2.0},
            dict.fromkeys(cost, 0) | {"method": "lda", "not_run": "no labels"},
        ],
    }
    tables = empty | {table: make_table("evaluation_report", said, table) for table, said in made.items()}
    lines = show_board("food", tables, "own")
    assert lines[0] == "food: 50 held-out contents with gold"
    assert lines[2].split() == ["other", "+", "0.700", "(0.600–0.800)", "–", "–", "–", "–", "40.0", "2,100", "4.0%"]
    assert lines[3].split()[:6] == ["own", "in", "use", "0.500", "(0.400–0.600)", "0.250"]
    assert lines[4] == "  lda: not run: no labels"
