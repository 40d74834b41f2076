"""The house rules that no linter knows."""

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from tagflow.adapters.decision_file import read_decisions
from tagflow.settings import DatasetSettings
from tagflow.source_settings import PLACES
from tagflow_tests.conftest import CHECKOUT

MODULES = sorted((CHECKOUT / "tagflow").rglob("*.py"))
FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc", "manager", "base", "factory"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_a_module_is_named_for_what_is_in_it_documented_and_not_too_long(path: Path) -> None:
    assert path.stem not in FORBIDDEN_NAMES
    text = path.read_text(encoding="utf-8")
    assert text.startswith('"""'), "every module opens with what belongs in it"
    assert text.count("\n") <= 350
    if "pipeline" in path.parts:
        assert "from __future__ import annotations" not in text, "it breaks Dagster's context annotations"


def test_the_import_contracts_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")], cwd=CHECKOUT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "0 broken" in done.stdout


def test_every_dependency_gives_its_reason() -> None:
    pyproject = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    blocks = re.findall(r"^(?:dependencies|dev) = \[\n(.*?)^\]", pyproject, re.S | re.M)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) > 20
    assert [line for line in lines if "#" not in line] == []


def test_the_lock_names_versions_and_nothing_else() -> None:
    lines = (CHECKOUT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9._-]+==[^\s;]+( ; .+)?", line)] == []
    assert "torch==2.13.0" in lines


def _list_runtime_packages() -> set[str]:
    seen: set[str] = set()
    waiting = ["tagflow"]
    while waiting:
        name = waiting.pop()
        for text in importlib.metadata.requires(name) or []:
            needed = Requirement(text)
            key = needed.name.lower().replace("_", "-")
            if key not in seen and (needed.marker is None or needed.marker.evaluate({"extra": ""})):
                seen.add(key)
                waiting.append(key)
    return seen


def test_nothing_in_the_runtime_is_under_the_gpl() -> None:
    packages = _list_runtime_packages()
    assert {"dagster", "torch", "duckdb"} <= packages
    for name in packages:
        said = importlib.metadata.metadata(name)
        texts = [said.get("License-Expression") or "", *(said.get_all("Classifier") or [])]
        for text in texts:
            assert not re.search(r"(?<![AL])GPL-|General Public License(?! v\d \(L)", text) or "Lesser" in text, (
                name,
                text,
            )


def test_the_yaml_in_the_readme_names_every_setting_with_its_default() -> None:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", readme, re.S)
    said = yaml.safe_load(block)
    defaults = DatasetSettings().model_dump()
    assert set(said) == set(defaults)
    for name in ("clues", "encoder", "vocabulary", "graph", "tagging", "labels", "evaluation"):
        assert said[name] == defaults[name], name
    for name in ("language", "task", "holdout"):
        assert said[name] == defaults[name], name


def test_the_decisions_in_the_readme_are_ones_that_people_can_make(tmp_path: Path) -> None:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    block = re.findall(r"```yml\n(.*?)```", readme, re.S)[0]
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "vocabulary.yaml").write_text(block, encoding="utf-8")
    said = read_decisions(tmp_path, "some")
    assert all(getattr(said, key) for key in type(said).model_fields), "every key is shown"
    assert all(getattr(said.rules, key) for key in type(said.rules).model_fields)


def test_the_secret_and_the_machine_stay_out_of_the_project() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, timeout=60)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.splitlines():
        path = CHECKOUT / name
        if path.suffix in {".py", ".md", ".toml", ".yaml", ".lock", ".jsonl"} and path.is_file():
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"\bsk-[A-Za-z0-9]{20}|/home/[a-z]|/Users/[a-z]", text), name


def test_the_sources_in_the_readme_are_ones_that_a_dataset_can_have() -> None:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    lines = [line for line in readme.splitlines() if line.startswith("source: {")]
    sources = [DatasetSettings.model_validate(yaml.safe_load(line)).source for line in lines]
    assert {place for source in sources if source for place in PLACES if getattr(source, place)} == set(PLACES)
