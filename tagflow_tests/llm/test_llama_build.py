"""What ``.ci/llama`` says where nothing needs to be built, and where nothing can be."""

import shutil
import subprocess
from pathlib import Path

from tagflow_tests.conftest import CHECKOUT

BASH = shutil.which("bash") or "bash"


def run(path: Path, cache: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [BASH, CHECKOUT / ".ci" / "llama"],
        env={"PATH": str(path), "XDG_CACHE_HOME": str(cache)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_without_a_compiler_it_says_so_in_one_line_and_fails_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, tmp_path / "cache")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "no llama-server: there is no C++ compiler\n"
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_was_built_before_is_used_and_nothing_else_is_done(tmp_path: Path) -> None:
    text = (CHECKOUT / ".ci" / "llama").read_text(encoding="utf-8")
    (version,) = [line.removeprefix("version=") for line in text.splitlines() if line.startswith("version=")]
    server = tmp_path / "tagflow" / f"llama-{version}" / "llama-server"
    server.parent.mkdir(parents=True)
    server.write_text(f"#!{BASH}\n[ $1 = --version ]\n", encoding="utf-8")
    server.chmod(0o755)
    done = run(tmp_path / "empty", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{server}\n", "")
    server.write_text(f"#!{BASH}\nexit 1\n", encoding="utf-8")
    assert run(tmp_path / "empty", tmp_path).stdout == ""
