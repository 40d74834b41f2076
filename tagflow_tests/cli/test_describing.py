"""``tagflow vocabulary NAME describe --all``: a language model's definitions, as decisions of the dataset."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.cli.main import cli
from tagflow.errors import ConfigError
from tagflow_tests.cli.kitchens import open_kitchen, read_costs
from tagflow_tests.llm.completions import Completion
from tagflow_tests.llm.keyword_reader import read_words
from tagflow_tests.pipeline.runs import make_dataset, materialize, read_recipes


def define(body: Mapping[str, Any]) -> str | Completion:
    """Return a definition that says the tag, and for all else what the reader says."""
    if '{"definition":' not in body["messages"][0]["content"]:
        return read_words(body)
    (line,) = [line for line in body["messages"][-1]["content"].splitlines() if line.startswith("The tag: ")]
    return json.dumps({"definition": f"What is about {json.loads(line.removeprefix('The tag: '))}."})


def say(*words: str) -> str:
    """Return what the command prints."""
    said = CliRunner().invoke(cli, ["vocabulary", "kitchen", "describe", *words])
    assert said.exit_code == 0, said.output + repr(said.exception)
    return said.output


def test_the_commonest_tags_are_described_once_planned_and_booked_and_undone(tmp_path: Path) -> None:
    with open_kitchen(tmp_path) as server:
        server.reply = define
        materialize(tmp_path, "kitchen", "*content_tag_graph")
        tagset = DuckDBStore(tmp_path / "warehouse").read("kitchen", "fused_tagset")
        commonest = tagset.sort("frequency", "tag", descending=[True, False])["tag"].to_list()
        before = len(server.requests)
        planned = say("--all", "--most", "6", "--plan")
        assert len(server.requests) == before
        assert "what describing 6 tags would ask reader. Nothing was sent." in planned
        (line,) = [line for line in planned.splitlines() if "vocabulary describe" in line]
        assert line.split()[3:6] == ["0", "6", "6"], "kept, calls, requests"
        said = say("--all", "--most", "6")
        assert len(server.requests) == before + 6
        assert "6 tags of 6 described" in said
        assert "6 requests" in said
        assert "EUR" in said
        assert read_costs(tmp_path)["vocabulary describe", "describe"] == 6
        file = tmp_path / "kitchen" / "vocabulary.yaml"
        decided = yaml.safe_load(file.read_text(encoding="utf-8"))["describe"]
        assert decided == {tag: f"What is about {tag}." for tag in commonest[:6]}
        say("--all", "--most", "1")
        assert len(server.requests) == before + 7, "what is described already is not asked about"
        materialize(tmp_path, "kitchen", "fused_tagset")
        known = DuckDBStore(tmp_path / "warehouse").read("kitchen", "fused_tagset").drop_nulls("description")
        assert dict(known.select("tag", "description").rows()) == {t: f"What is about {t}." for t in commonest[:7]}
        CliRunner().invoke(cli, ["vocabulary", "kitchen", "undo"])
        assert len(yaml.safe_load(file.read_text(encoding="utf-8"))["describe"]) == 6


def test_a_tag_without_an_answer_stays_without_a_definition_and_is_told(tmp_path: Path) -> None:
    with open_kitchen(tmp_path) as server:
        materialize(tmp_path, "kitchen", "*content_tag_graph")
        server.reply, server.faults = define, lambda request: "content_filter"
        said = say("--all", "--most", "2")
        assert "0 tags of 2 described" in said
        assert "2 tags without an answer" in said
        assert not (tmp_path / "kitchen" / "vocabulary.yaml").exists()


def test_the_embedded_brain_and_half_a_question_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_dataset(tmp_path, "kitchen", read_recipes(3))
    monkeypatch.setenv("TAGFLOW_DATA", str(tmp_path))
    asked = CliRunner().invoke(cli, ["vocabulary", "kitchen", "describe", "--all"])
    assert isinstance(asked.exception, ConfigError)
    assert "brain is embedded, which defines nothing" in str(asked.exception)
    for words in ([], ["soup"], ["soup", "text", "--all"], ["soup", "text", "--plan"]):
        assert CliRunner().invoke(cli, ["vocabulary", "kitchen", "describe", *words]).exit_code == 2
