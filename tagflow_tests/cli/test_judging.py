"""``tagflow judge``: a blind sheet over several methods, its verdicts, and what they say of each method."""

from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from tagflow.adapters.judging_folder import read_pool
from tagflow.cli.judging import resolve_verdicts
from tagflow.cli.main import cli
from tagflow.errors import TagflowError
from tagflow.evaluation.judging import POOL
from tagflow.knowledge.corrections import CORRECTION
from tagflow_tests.conftest import Demo
from tagflow_tests.worlds import tag_set

METHODS = "llm4tag,taggpt_selective"


def call(*words: str) -> Result:
    """Call tagflow in this process; an error is raised as it is."""
    result = CliRunner().invoke(cli, words)
    if result.exception:
        raise result.exception
    return result


def test_a_sheet_is_drawn_judged_and_measured(demo_copy: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGFLOW_DATA", str(demo_copy.data))
    monkeypatch.chdir(tmp_path)
    said = call("judge", "recipes", "sheet.csv", "--count", "4", "--depth", "3", "--methods", METHODS).output
    assert "4 contents drawn (none of them was learned from), 2 methods, up to 3 tags each." in said

    sheet = pl.read_csv(tmp_path / "sheet.csv")
    folder = demo_copy.data / "recipes"
    pool = read_pool(folder, "first")
    assert set(pool["method"]) == set(METHODS.split(","))
    assert "llm4tag" not in (tmp_path / "sheet.csv").read_text(encoding="utf-8")
    assert sheet["content_id"].n_unique() == 4
    assert len(sheet) == pool.select("content_id", "tag_id").n_unique()

    assert "Nobody judged this draw of recipes yet" in call("judge", "recipes").output
    by_own = pool.filter(pl.col("method") == "llm4tag").select("content_id", "tag_id", own=pl.lit("yes"))
    filled = sheet.join(by_own, on=["content_id", "tag_id"], how="left").with_columns(
        decision=pl.col("own").fill_null("no")
    )
    filled.drop("own").write_csv(tmp_path / "filled.csv")
    said = call("judge", "recipes", "--import", "filled.csv", "--by", "me").output
    assert f"{len(sheet)} verdicts taken: {len(by_own)} right, {len(sheet) - len(by_own)} wrong" in said
    assert "0 verdicts taken" in call("judge", "recipes", "--import", "filled.csv", "--by", "me").output
    assert not (folder / "corrections.jsonl").exists()  # nothing is learned from verdicts

    lines = call("judge", "recipes").output.splitlines()
    cells = {line.split()[0]: line.split() for line in lines[2:]}
    assert cells["llm4tag"][1:4:2] == ["1.000", "1.000"]  # all that it gave was said to be right
    assert lines[2].split()[0] == "llm4tag"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("recipes", "sheet.xlsx"), "must end in .csv or .jsonl"),
        (("recipes", "sheet.csv", "--methods", "llm4tg"), "did you mean"),
        (("recipes", "sheet.csv", "--draw", "../x"), "cannot name a draw"),
        (("recipes", "--draw", "other"), "nothing was drawn yet"),
    ],
)
def test_a_slip_is_told_in_one_sentence(
    demo: Demo, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str
) -> None:
    monkeypatch.setenv("TAGFLOW_DATA", str(demo.data))
    with pytest.raises(TagflowError, match=told):
        call("judge", *words)


def test_the_later_verdict_holds_and_aliases_are_known() -> None:
    pool = pl.DataFrame([("c", "t1", "soup", "own", 1)], schema=POOL, orient="row")
    rows = [
        {"content_id": "c", "tag": tag, "right": right}
        for tag, right in (("Soup", True), ("broth", True), ("soup", False))
    ]
    verdicts = pl.DataFrame([{**dict.fromkeys(CORRECTION.names()), **row} for row in rows], schema=CORRECTION)
    tagset = tag_set({"stock": ["broth"]})
    assert set(resolve_verdicts(verdicts, pool, tagset).rows()) == {("c", "t1", False), ("c", "stock", True)}
