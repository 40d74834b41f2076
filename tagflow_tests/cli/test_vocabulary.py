"""``tagflow vocabulary`` on the demo: what a person sees, what a decision writes, and what a slip is answered."""

from collections.abc import Callable
from pathlib import Path

import click
import polars as pl
import pytest
import yaml
from click.testing import CliRunner, Result

from tagflow.cli.main import cli
from tagflow.errors import TagflowError
from tagflow_tests.conftest import Demo, call_tagflow

Ask = Callable[..., Result]


@pytest.fixture
def data(demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with the demo's store, and decisions of its own."""
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "dataset.yaml").write_bytes((demo.data / "recipes" / "dataset.yaml").read_bytes())
    (tmp_path / "warehouse").symlink_to(demo.data / "warehouse")
    monkeypatch.setenv("TAGFLOW_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ask(data: Path) -> Ask:
    return lambda *words: CliRunner().invoke(cli, ["vocabulary", "recipes", *words])


def tell(ask: Ask, *words: str) -> str:
    """Return what a command that works says."""
    said = ask(*words)
    assert said.exit_code == 0, said.output + repr(said.exception)
    return said.output


def refuse(ask: Ask, *words: str) -> str:
    """Return the sentence that a command is refused with."""
    said = ask(*words)
    assert isinstance(said.exception, TagflowError), said.output + repr(said.exception)
    assert said.output == ""
    assert "\n" not in str(said.exception)
    return str(said.exception)


def read(data: Path) -> dict[str, object]:
    return yaml.safe_load((data / "recipes" / "vocabulary.yaml").read_text())


def test_the_installed_command_lists_the_most_frequent_tags(demo: Demo, tmp_path: Path) -> None:
    said = call_tagflow("vocabulary", "recipes", data=demo.data, cwd=tmp_path)
    assert said.code == 0, said.err
    tags = demo.store.read("recipes", "fused_tagset").sort(-pl.col("frequency"), "tag")
    assert said.out.startswith(f"recipes: {len(tags)} tags, ")
    assert "people decided nothing yet" in said.out
    assert said.out.splitlines()[3].split("  ")[0] == tags["tag"][0]
    assert f"and {len(tags) - 40} more" in said.out


def test_a_search_may_stand_behind_the_name(ask: Ask) -> None:
    rows = tell(ask, "--search", "TOMATO").splitlines()[3:-2]
    assert {row.split("  ")[0] for row in rows} >= {"tomato", "tomatoes"}
    assert all("tomato" in row for row in rows)
    assert 'has "zzz" in its name' in refuse(ask, "--search", "zzz")


def test_a_merge_is_written_told_and_undone(ask: Ask, data: Path) -> None:
    said = tell(ask, "merge", "tomatoes", "Tomato", "tomatos")
    assert read(data) == {"merge": {"tomatoes": ["Tomato", "tomatos"]}}
    assert '"tomato" (' in said
    assert '"tomatos" (not in the tag set, did you mean \'tomatoes\'?) becomes an alias of "tomatoes" (' in said
    assert "tagflow run recipes --select 'fused_tagset*'" in said
    assert "recipes/vocabulary.yaml" in said
    assert "2 merged" in tell(ask)
    assert "Taken back: merge tomatoes Tomato tomatos" in tell(ask, "undo")
    assert not (data / "recipes" / "vocabulary.yaml").exists()
    assert "left to undo" in refuse(ask, "undo")


def test_a_merge_takes_over_the_aliases_of_a_leader_and_gives_way_to_no_split(ask: Ask, data: Path) -> None:
    tell(ask, "split", "tomatoes", "tomato")
    tell(ask, "merge", "tomato", "roma")
    assert 'The split of "tomatoes" and "tomato" is taken back.' in tell(ask, "merge", "tomatoes", "tomato")
    assert read(data) == {"merge": {"tomatoes": ["tomato", "roma"]}}
    assert "Nothing to change" in tell(ask, "merge", "Tomatoes", "TOMATO")


def test_a_split_takes_a_merge_of_the_two_back_and_no_other(ask: Ask, data: Path) -> None:
    tell(ask, "merge", "tomatoes", "tomato", "roma")
    tell(ask, "split", "Tomato", "tomatoes")
    assert read(data) == {"merge": {"tomatoes": ["roma"]}, "split": [["Tomato", "tomatoes"]]}
    tell(ask, "split", "roma", "tomatoes")
    assert read(data) == {"split": [["Tomato", "tomatoes"], ["roma", "tomatoes"]]}
    assert "Nothing to change" in tell(ask, "split", "tomatoes", "tomato")


def test_a_renamed_tag_can_be_renamed_again_and_back(ask: Ask, data: Path) -> None:
    assert 'will be called "love apples"' in tell(ask, "rename", "tomatoes", "love apples")
    tell(ask, "rename", "love apples", "pomodori")
    assert read(data) == {"rename": {"tomatoes": "pomodori"}}
    tell(ask, "rename", "pomodori", "tomatoes")
    assert not read(data)
    assert "did you mean 'tomatoes'" in refuse(ask, "rename", "tomatoez", "x")
    assert "belongs to the tag 'garlic'" in refuse(ask, "rename", "tomatoes", "garlic")


def test_an_alias_cannot_be_renamed(ask: Ask, demo: Demo) -> None:
    tags = demo.store.read("recipes", "fused_tagset").filter(pl.col("aliases").list.len() > 0)
    tag, alias = tags["tag"][0], tags["aliases"][0][0]
    assert f'"{alias}" is an alias of "{tag}"' in refuse(ask, "rename", alias, "x")


def test_a_ban_takes_effect_from_the_cuts_on(ask: Ask, data: Path) -> None:
    assert "tagflow run recipes --select 'filtered_tagset*'" in tell(ask, "ban", "garlic", "comfort food")
    assert read(data) == {"banned": ["garlic", "comfort food"]}
    assert "Nothing to change" in tell(ask, "ban", "Garlic")
    assert "banned forbids" in refuse(ask, "merge", "garlic", "ail")
    assert "--select 'filtered_tagset*'" in tell(ask, "undo")


def test_a_definition_replaces_the_one_before(ask: Ask, data: Path) -> None:
    tell(ask, "describe", "garlic", "The bulb.")
    tell(ask, "describe", "Garlic", "The bulb: not the shoots.")
    assert read(data) == {"describe": {"garlic": "The bulb: not the shoots."}}
    assert "did you mean 'garlic'" in refuse(ask, "describe", "garlci", "x")
    assert "describe.garlic" in refuse(ask, "describe", "garlic", " ")


def test_one_tag_is_shown_with_what_was_decided(ask: Ask, demo: Demo) -> None:
    log = demo.store.read("recipes", "fused_tagset", "fusion_log").filter(pl.col("decision") == "merged")
    alias, leader = log.select("tag", "leader").row(0)
    tell(ask, "split", leader, "garlic")
    said = tell(ask, "show", alias)
    assert said.startswith(leader)
    assert f"split: {leader} and garlic" in said
    assert f"{alias}  " in said.split("Merged, and kept apart:")[1]
    assert "did you mean" in refuse(ask, "show", "garlci")


def test_the_log_can_be_narrowed(ask: Ask, demo: Demo) -> None:
    log = demo.store.read("recipes", "fused_tagset", "fusion_log")
    merged = log.filter(pl.col("decision") == "merged")
    lines = tell(ask, "log", "--decision", "merged").splitlines()
    assert lines[0] == f"recipes: {len(merged)} merged"
    assert len(lines) == 2 + len(merged)
    alias = merged["tag"][0]
    assert all(alias in line for line in tell(ask, "log", "--decision", "merged", "--search", alias).splitlines()[2:])
    assert "has no such decision" in refuse(ask, "log", "--search", "zzz")


def test_what_changed_since_an_export_is_told(ask: Ask, demo: Demo, data: Path) -> None:
    tags = demo.store.read("recipes", "fused_tagset")
    gone = {"tag_id": "t0", "tag": "a fad", "frequency": 2, "aliases": [], "description": None, "origin": "proposed"}
    before = pl.concat([tags.filter(pl.col("tag") != "garlic"), pl.DataFrame([gone], schema=tags.schema)])
    for name, write in (("before.jsonl", before.write_ndjson), ("before.parquet", before.write_parquet)):
        write(data / name)
        said = tell(ask, "diff", name)
        assert f"0 merged, 0 split, 0 renamed, 1 new, 1 gone, {len(tags) - 1} unchanged" in said
        assert [line.split("  ")[:2] for line in said.splitlines() if line.startswith(("new", "gone"))] == [
            ["new", "garlic"],
            ["gone", "a fad"],
        ]
    assert "must end in one of" in refuse(ask, "diff", "before.csv")
    assert "cannot be read" in refuse(ask, "diff", "missing.jsonl")
    (data / "other.jsonl").write_text('{"x": 1}\n')
    assert "is no exported tag set: it lacks tag_id, tag" in refuse(ask, "diff", "other.jsonl")


def test_a_rule_about_an_unknown_tag_is_a_note(ask: Ask, data: Path) -> None:
    (data / "recipes" / "vocabulary.yaml").write_text("rules: {manual_only: [garlci]}\n")
    assert "Note: vocabulary.yaml: rules.manual_only names 'garlci', which is not in the tag set." in tell(ask)


def test_before_the_first_run_decisions_are_written_and_the_tag_set_is_missing(ask: Ask, data: Path) -> None:
    (data / "warehouse").unlink()
    assert '"tomato" becomes an alias of "tomatoes".' in tell(ask, "merge", "tomatoes", "tomato")
    tell(ask, "rename", "a", "b")
    assert "tagflow run recipes" in refuse(ask)


@pytest.mark.parametrize("words", [["frobnicate"], ["merge", "a"], ["split", "a"], ["--search", "x", "show", "y"]])
def test_a_wrong_call_is_a_usage_error(ask: Ask, words: list[str]) -> None:
    said = ask(*words)
    assert said.exit_code == click.UsageError.exit_code
    assert "Usage: " in said.output


def test_a_dataset_that_is_not_there_is_named(data: Path) -> None:
    for verb in ([], ["show", "x"], ["merge", "a", "b"], ["undo"], ["log"], ["diff", "x.jsonl"]):
        said = CliRunner().invoke(cli, ["vocabulary", "nope", *verb])
        assert "There is no dataset 'nope'" in str(said.exception)


def test_a_rename_and_a_merge_are_applied_at_once_and_nothing_is_tagged_anew(demo_copy: Demo, tmp_path: Path) -> None:
    """Every content keeps the tags and confidences that it had, under the other names."""

    def call(*words: str) -> str:
        said = call_tagflow("vocabulary", "recipes", *words, data=demo_copy.data, cwd=tmp_path)
        assert said.code == 0, said.err
        return said.out

    store, pair = demo_copy.store, ["content_id", "tag"]
    judged = store.read("recipes", "tagged_output", "scored_candidates")
    model = store.read("recipes", "confidence_model")
    assert "tagflow vocabulary recipes apply" in call("rename", "garlic", "garlic bulbs")
    call("merge", "chicken", "soup")
    said = call("apply")
    told = ('"garlic" is called "garlic bulbs" now', '"soup" is part of "chicken" now', "No tag model was asked.")
    assert all(line in said for line in (*told, "tagged anew 0")), said
    names = pl.col("tag").replace({"soup": "chicken", "garlic": "garlic bulbs"})
    expected = (
        judged.select("content_id", names, "confidence").group_by(pair).agg(pl.col("confidence").max()).sort(pair)
    )
    assert (
        store.read("recipes", "tagged_output", "scored_candidates").select(expected.columns).sort(pair).equals(expected)
    )
    tagged = store.read("recipes", "tagged_output")
    assert tagged.join(expected, on=[*pair, "confidence"], how="semi").height == len(tagged)
    assert {"chicken", "garlic bulbs"} <= set(tagged["tag"])
    assert not {"soup", "garlic"} & set(tagged["tag"])
    assert store.read("recipes", "confidence_model").equals(model)
    assert "There was nothing to carry over" in call("apply")
    assert store.read("recipes", "tagged_output").equals(tagged)
