"""``tagflow review`` on a dataset made by hand: ask, fill in, take back, and what a slip is answered."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import yaml
from click.testing import CliRunner, Result

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.main import cli
from tagflow.errors import TagflowError
from tagflow.schemas import ARTIFACTS
from tagflow.tagset.emergence import EMERGING
from tagflow_tests.frames import make_table
from tagflow_tests.worlds import raw_clues, said, scored, tag_set

Ask = Callable[..., Result]

JUDGED = scored(("a", "soup", 0.5), ("a", "vegan", 0.9), ("b", "soup", 0.7), ("held", "soup", 0.5))


def write(store: DuckDBStore, artifact: str, **tables: pl.DataFrame) -> None:
    """Write an artifact; the tables that are not given are empty."""
    declared = ARTIFACTS[artifact].tables
    store.write("food", artifact, {name: tables.get(name, table.empty()) for name, table in declared.items()})


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with one dataset that was tagged."""
    (tmp_path / "food").mkdir()
    (tmp_path / "food" / "dataset.yaml").write_text("description: Made by hand.\n")
    store = DuckDBStore(tmp_path / "warehouse")
    clues = raw_clues(said("a", title="Lentils"), said("b", title="Stew"), said("held", title="Rest", split="test"))
    write(store, "raw_clues", raw_clues=clues)
    write(store, "fused_tagset", fused_tagset=tag_set({"soup": ["broth"], "vegan": []}))
    rows = JUDGED.select("content_id", "tag_id", "tag", "confidence").rows(named=True)
    tagged = make_table("tagged_output", rows, rank=1, path="C2T", neighbours=[], votes=0.0, evidence="", band="apply",
                        model="m", vocabulary_version="v")  # fmt: skip
    write(store, "tagged_output", tagged_output=tagged, scored_candidates=JUDGED)
    write(store, "content_tag_graph")
    monkeypatch.setenv("TAGFLOW_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ask(data: Path) -> Ask:
    return lambda *words: CliRunner().invoke(cli, ["review", "food", *words])


def tell(ask: Ask, *words: str) -> str:
    """Return what a command that works says."""
    done = ask(*words)
    assert done.exit_code == 0, done.output + repr(done.exception)
    return done.output


def refuse(ask: Ask, *words: str) -> str:
    """Return the sentence that a command is refused with."""
    done = ask(*words)
    assert isinstance(done.exception, TagflowError), done.output + repr(done.exception)
    assert done.output == ""
    assert "\n" not in str(done.exception)
    return str(done.exception)


def answer(data: Path, decisions: dict[tuple[str, str], str]) -> Path:
    """Write the review file back with decisions."""
    asked = pl.read_csv(data / "r.csv", infer_schema=False)
    said_of = [decisions.get((row["content_id"], row["tag"]), "") for row in asked.iter_rows(named=True)]
    asked.with_columns(decision=pl.Series(said_of)).write_csv(data / "filled.csv")
    return data / "filled.csv"


def test_the_cases_are_shown_and_written_without_held_out_contents(ask: Ask, data: Path) -> None:
    shown = tell(ask)
    assert "food: 3 cases that a decision would teach most" in shown
    assert "Lentils" in shown
    assert "Rest" not in shown
    assert "3 cases written to r.csv" in tell(ask, "r.csv")
    asked = pl.read_csv(data / "r.csv", infer_schema=False)
    assert set(asked.select("content_id", "tag").rows()) == {("a", "soup"), ("a", "vegan"), ("b", "soup")}
    assert asked["decision"].fill_null("").to_list() == ["", "", ""]


def test_the_count_and_json_lines(ask: Ask, data: Path) -> None:
    assert "1 case written to r.jsonl" in tell(ask, "r.jsonl", "--count", "1")
    assert pl.read_ndjson(data / "r.jsonl").height == 1


def test_decisions_come_back_once_and_are_not_asked_again(ask: Ask, data: Path) -> None:
    tell(ask, "r.csv")
    file = answer(data, {("a", "soup"): "no", ("b", "soup"): "vegan"})
    said_of = tell(ask, "--import", str(file), "--by", "Ana")
    assert "3 corrections taken: 1 right, 2 wrong." in said_of
    assert "1 row without a decision." in said_of
    assert "tagflow run food" in said_of
    lines = (data / "food" / "corrections.jsonl").read_text().splitlines()
    assert len(lines) == 3
    assert all('"by": "Ana", "source": "filled.csv"' in line for line in lines)
    again = tell(ask, "--import", str(file))
    assert "0 corrections taken" in again
    assert "3 known already." in again
    assert "1 case written" in tell(ask, "r.csv")


def test_a_refused_row_is_named_with_file_and_line(ask: Ask, data: Path) -> None:
    (data / "f.csv").write_text("content_id,tag,decision\na,soup,maybe\nb,soup,yes\n")
    said_of = tell(ask, "--import", "f.csv")
    assert "1 correction taken" in said_of
    assert "1 row refused:\n  f.csv, line 2: decision 'maybe' is neither yes nor no nor the name of a tag" in said_of


def test_a_correction_of_a_held_out_content_is_kept_and_said_not_to_count(ask: Ask, data: Path) -> None:
    (data / "f.csv").write_text("content_id,tag,decision\nheld,soup,yes\na,soup,yes\n")
    assert "1 of them about held-out contents: kept, but nothing is learned" in tell(ask, "--import", "f.csv")
    status = tell(ask, "--status")
    assert "corrections.jsonl: 2 corrections of 2 cases" in status
    assert "1  right: the content has the tag" in status
    assert "1  about held-out contents: kept, nothing is learned from them" in status
    assert "by nobody named: 2" in status


def test_before_anything_was_decided_the_status_says_what_to_do(ask: Ask) -> None:
    assert tell(ask, "--status") == "Nobody decided anything about food yet: tagflow review food review.csv\n"


def test_slips_are_one_sentence(ask: Ask, data: Path) -> None:
    assert "must end in .csv or .jsonl" in refuse(ask, "r.parquet")
    assert "nowhere.csv cannot be used" in refuse(ask, "--import", "nowhere.csv")
    assert ask("r.csv", "--status").exit_code == 2
    assert ask("--by", "Ana").exit_code == 2
    (data / "food" / "corrections.jsonl").write_text("no\n")
    assert "corrections.jsonl, line 1" in refuse(ask)


@pytest.fixture
def emerging(data: Path) -> None:
    row = ("sourdough", "Sourdough", "Contents about Sourdough, with starter.", ["a", "b"], ["b"], 2, 0.75, ["soup"],
           [0.41])  # fmt: skip
    suggested = pl.DataFrame([row], schema=EMERGING, orient="row")
    DuckDBStore(data / "warehouse").write("food", "emerging_tags", {"emerging_tags": suggested})


def test_the_cases_asked_first_lie_at_the_fitted_threshold_where_a_precision_is_asked_for(ask: Ask, data: Path) -> None:
    thresholds = make_table("confidence_model", [{"target": 0.8, "threshold": 0.9}], table="thresholds", pairs=50)
    write(DuckDBStore(data / "warehouse"), "confidence_model", thresholds=thresholds)
    assert "lies near 0.5, from where a tag is applied" in _ask_first(ask, data)
    (data / "food" / "dataset.yaml").write_text("tagging: {target_precision: 0.8}\n")
    first = _ask_first(ask, data)
    assert "lies near 0.9, from where a tag is applied" in first


def _ask_first(ask: Ask, data: Path) -> str:
    """Why the first case of a review file is asked."""
    tell(ask, str(data / "cases.csv"))
    return str(pl.read_csv(data / "cases.csv")["why_asked"][0])


def test_where_nobody_looked_for_emerging_tags_the_answer_says_so(ask: Ask) -> None:
    assert "Nobody looked for emerging tags of food yet: tagflow run food" in tell(ask, "--emerging")


@pytest.mark.usefixtures("emerging")
def test_emerging_tags_are_shown_and_one_is_taken_by_a_decision_only(ask: Ask, data: Path) -> None:
    shown = tell(ask, "--emerging")
    for part in ("1 tag suggested by 2 contents", "Sourdough", "with starter.", "soup (0.41)", "--accept Sourdough"):
        assert part in shown
    assert not (data / "food" / "vocabulary.yaml").exists()
    assert "tagflow run food --select 'fused_tagset*'" in tell(ask, "--accept", "sourdough")
    decided = yaml.safe_load((data / "food" / "vocabulary.yaml").read_text())
    assert decided == {"added": {"Sourdough": "Contents about Sourdough, with starter."}}
    assert "Nothing to change" in tell(ask, "--accept", "Sourdough")
    assert "did you mean 'Sourdough'" in refuse(ask, "--accept", "Sourdoug")
