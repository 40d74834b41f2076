"""Another tagger's results on the kitchen, and the shapes in which they may come."""

from pathlib import Path

import pytest

from tagflow.adapters.external_results import read_results
from tagflow.errors import ConfigError
from tagflow.taggers import find_obstacle
from tagflow.taggers.external import tag
from tagflow_tests.worlds import kitchen, raw_clues, said

NEW = raw_clues(said("n", title="a day"), said("m", title="a night"))
LINES = """\
{"id": "n", "tags": [{"name": "stew", "confidence": 0.5}, {"name": "broth", "confidence": 0.2}, "vegan"]}
{"id": "m", "tags": {"trips": 0.7}}
{"id": 7, "tagsResult": {"values": [{"name": "sky", "confidence": 0.9}]}}
"""


def test_confidence_is_the_best_product_with_the_cosine(tmp_path: Path) -> None:
    """To soup: broth is an alias, 0.2 * 1; stew lies at 0.8, 0.5 * 0.8. It is better known by the stew."""
    (tmp_path / "external.jsonl").write_text(LINES)
    world = kitchen(NEW, read_results=lambda file: read_results(tmp_path, file))
    found = {(row["content_id"], row["tag"]): row for row in tag(NEW, world, match=0.7).to_dicts()}
    assert {pair: round(row["confidence"], 6) for pair, row in found.items()} == {
        ("n", "soup"): 0.4,
        ("n", "vegan"): 1.0,
        ("m", "travel"): 0.7,
    }
    assert found["n", "soup"]["evidence"] == 'external.jsonl says it with 0.5: "stew" lies near it: cosine 0.8'


def test_each_shape_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(LINES)
    rows = set(read_results(tmp_path, "x.jsonl").rows())
    assert rows == {
        ("n", "stew", 0.5),
        ("n", "broth", 0.2),
        ("n", "vegan", 1.0),
        ("m", "trips", 0.7),
        ("7", "sky", 0.9),
    }


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{", r"x\.jsonl, line 2 is no JSON"),
        ("[1]", "line 2 must be an object with the content's id"),
        ('{"id": "n"}', "line 2 must have tags"),
        (
            '{"id": "n", "tags": [{"name": "a", "confidence": 80}]}',
            r"line 2: a tag needs a name, and a confidence in",
        ),
        ('{"id": "n", "tags": [3]}', "line 2: a tag needs a name"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, line: str, sentence: str) -> None:
    (tmp_path / "x.jsonl").write_text(f'{{"id": "n", "tags": []}}\n{line}\n')
    with pytest.raises(ConfigError, match=sentence):
        read_results(tmp_path, "x.jsonl")


def test_a_file_elsewhere_is_refused_and_a_missing_one_is_the_reason_for_not_running(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must be the name of a file beside"):
        read_results(tmp_path, "../x.jsonl")
    world = kitchen(NEW, read_results=lambda file: read_results(tmp_path, file))
    assert "There is no file" in str(find_obstacle("external", NEW, world))
    (tmp_path / "external.jsonl").write_text(LINES)
    assert find_obstacle("external", NEW, world) is None
