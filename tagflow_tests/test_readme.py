"""Every command of the README is run, in its order, in a data folder of its own; .ci/run runs the two marked ones.

Commands that ask a language model are run against a loopback server.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tagflow.adapters.deployment import KNOWN, read_deployment
from tagflow_tests.cli.kitchens import open_kitchen
from tagflow_tests.conftest import CHECKOUT, TAGFLOW, Demo

README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
MARKED = ("install", "test")
MODEL = "model"
"""The mark before commands that ask a language model."""


def find_blocks() -> list[tuple[str, str]]:
    """Return the mark before each command block (or nothing) and the block."""
    return re.findall(r"(?:<!-- (\w+) -->\n)?```bash\n(.*?)```", README, re.S)


def test_the_first_block_installs_in_one_line_and_the_second_tests() -> None:
    marks = [mark for mark, _ in find_blocks()]
    assert marks[:2] == list(MARKED)
    blocks = dict(find_blocks()[:2])
    assert blocks["install"].strip().count("\n") == 0
    assert "-c requirements.lock" in blocks["install"]
    assert blocks["install"].strip().endswith("tagflow demo")
    run = (CHECKOUT / ".ci" / "run").read_text(encoding="utf-8")
    assert all(f"fence {mark}" in run for mark in MARKED)


def test_every_other_command_works_as_it_stands(demo: Demo, tmp_path: Path) -> None:
    """The data folder is as the first block leaves it: its last command is ``tagflow demo``."""
    blocks = [block for mark, block in find_blocks() if mark not in (*MARKED, MODEL)]
    commands = [line for block in blocks for line in block.splitlines() if line.strip()]
    assert len(commands) >= 6
    shutil.copytree(demo.data, tmp_path / "data", symlinks=True)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "data").symlink_to(CHECKOUT / "data")  # the README's paths are the checkout's
    environment = {
        **os.environ,
        "TAGFLOW_DATA": str(tmp_path / "data"),
        "PATH": f"{TAGFLOW.parent}{os.pathsep}{os.environ['PATH']}",
    }
    for command in commands:
        if command == "tagflow ui":
            continue  # runs until it is stopped: test_webserver starts and uses it
        done = subprocess.run(
            command, shell=True, cwd=tmp_path / "work", env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, (command, done.stderr)
    assert (tmp_path / "work" / "tags.csv").stat().st_size > 1000
    assert (tmp_path / "work" / "status.csv").is_file()
    assert (tmp_path / "work" / "report.html").stat().st_size > 10_000


def test_the_commands_with_a_language_model_work_with_one(tmp_path: Path) -> None:
    """They are about the dataset ``mine`` of the blocks before them, here a small one."""
    (block,) = [block for mark, block in find_blocks() if mark == MODEL]
    commands = block.splitlines()
    assert [command.split()[:2] for command in commands] == [
        ["tagflow", verb] for verb in ("plan", "run", "costs", "run")
    ]
    with open_kitchen(tmp_path, name="mine") as server:
        environment = {**os.environ, "PATH": f"{TAGFLOW.parent}{os.pathsep}{os.environ['PATH']}"}
        sent = []
        for command in commands:
            done = subprocess.run(
                command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
            )
            assert done.returncode == 0, (command, done.stderr)
            sent.append(len(server.requests))
    assert sent[0] == 0 < sent[1] == sent[3]


def test_every_variable_of_a_language_model_is_explained_and_the_example_can_be_read() -> None:
    section = README.partition("### With a language model")[2].partition("\n### ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `TAGFLOW")]
    assert {name for row in rows for name in re.findall(r"`(TAGFLOW_LLM_\w+)`", row)} == set(KNOWN)
    (block,) = re.findall(r"```sh\n(.*?)```", section, re.S)
    said = {name: quoted or plain for name, quoted, plain in re.findall(r'(TAGFLOW\w+)=(?:"([^"]*)"|(\S+))', block)}
    deployment = read_deployment(said)
    assert deployment is not None
    assert deployment.price is not None
    assert deployment.budget.currency == "EUR"


def test_every_picture_of_the_readme_is_there() -> None:
    shown = re.findall(r'\]\((\.readme/[^)]+)\)|src="(\.readme/[^"]+)"', README)
    assert len(shown) >= 4
    for names in shown:
        path = CHECKOUT / "".join(names)
        assert path.read_bytes().startswith(b"\x89PNG"), path


def test_the_sql_in_the_readme_answers(demo, monkeypatch: pytest.MonkeyPatch) -> None:
    import duckdb

    (query,) = re.findall(r"```sql\n(.*?)```", README, re.S)
    monkeypatch.chdir(demo.data.parent)
    rows = duckdb.connect().execute(query).fetchall()
    assert rows[0][0] == "recipes"
    assert rows[0][2] >= rows[-1][2] >= 1
