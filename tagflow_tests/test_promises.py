"""The promises of the README are shown by tests that exist and run."""

import ast
import re

from tagflow_tests.conftest import CHECKOUT

HEAD = "| promise | shown by |"
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")


def find_promises() -> dict[str, list[tuple[str, str]]]:
    """Return for each promise of the table the file and the name of each test that shows it."""
    section = README.partition("## Promises\n")[2].partition("\n## ")[0]
    promises = {}
    for line in section.splitlines():
        if line.startswith("| ") and line != HEAD:
            promise, shown = (cell.strip() for cell in line.strip("|").rsplit("|", 1))
            parts = re.findall(r"`([\w/]+\.py)`: ((?:`test_\w+`(?:, )?)+)", shown)
            promises[promise] = [(file, name) for file, names in parts for name in re.findall(r"test_\w+", names)]
    return promises


def test_every_promise_is_shown_by_a_test_that_exists_and_is_not_skipped() -> None:
    promises = find_promises()
    assert len(promises) >= 25
    for promise, tests in promises.items():
        assert tests, promise
        for file, name in tests:
            tree = ast.parse((CHECKOUT / "tagflow_tests" / file).read_text(encoding="utf-8"))
            found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]
            assert len(found) == 1, (promise, file, name)
            marks = [ast.unparse(mark) for mark in found[0].decorator_list]
            assert not [mark for mark in marks if mark.startswith(("pytest.mark.skip(", "pytest.mark.xfail"))], (
                promise,
                name,
            )


def test_a_promise_is_a_sentence_and_stands_once() -> None:
    section = README.partition("## Promises\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(find_promises())
    assert all(promise[0].isupper() and promise.endswith(".") for promise in find_promises())
