"""Where the data lives: the variable first, then the checkout, else a sentence that says what to do."""

from pathlib import Path

import pytest

from tagflow.adapters import data_folder
from tagflow.adapters.data_folder import find_checkout, find_data
from tagflow.errors import ConfigError


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that the package seems to run from, and no variable."""
    monkeypatch.delenv("TAGFLOW_DATA", raising=False)
    monkeypatch.setattr(data_folder, "__file__", str(tmp_path / "tagflow" / "adapters" / "data_folder.py"))
    return tmp_path


def make_checkout(root: Path) -> None:
    """Put into the folder what makes it a checkout."""
    (root / "workspace.yaml").touch()
    (root / "data").mkdir()


def test_a_checkout_holds_its_data(root: Path) -> None:
    make_checkout(root)
    assert find_checkout() == root
    assert find_data() == root / "data"


def test_the_variable_wins_over_the_checkout(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_checkout(root)
    monkeypatch.setenv("TAGFLOW_DATA", str(root / "elsewhere"))
    assert find_data() == root / "elsewhere"
    assert find_checkout() == root


def test_a_relative_folder_is_meant_from_here_and_a_tilde_is_home(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setenv("TAGFLOW_DATA", "mine")
    assert find_data() == root / "mine"
    monkeypatch.setenv("HOME", str(root))
    monkeypatch.setenv("TAGFLOW_DATA", "~/mine")
    assert find_data() == root / "mine"


@pytest.mark.parametrize("said", [None, "", "   "])
@pytest.mark.parametrize("there", [[], ["workspace.yaml"], ["data"]])
def test_without_variable_and_checkout_a_sentence_says_what_to_do(
    root: Path, monkeypatch: pytest.MonkeyPatch, said: str | None, there: list[str]
) -> None:
    if said is not None:
        monkeypatch.setenv("TAGFLOW_DATA", said)
    for name in there:
        (root / name).mkdir() if name == "data" else (root / name).touch()
    assert find_checkout() is None
    with pytest.raises(ConfigError, match="set TAGFLOW_DATA to a folder, or run"):
        find_data()
