"""What every tagging method promises, whichever methods there are; and that a file is all a new method needs."""

import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tagflow import taggers
from tagflow.errors import ConfigError
from tagflow.schemas import TAGGED_OUTPUT
from tagflow.settings import DatasetSettings, EvaluationSettings, TaggingSettings
from tagflow.taggers import check_methods, list_methods, load_tagger
from tagflow_tests.worlds import KITCHEN_TAGS, kitchen, raw_clues, said

CONTENTS = raw_clues(
    said("n1", title="soup"),
    said("n2", title="Vegan stew", caption="a vegan salad, then travel", ocr="SOUP"),
    said("n3", title="travel"),
    said("n4", title="nothing of the kind"),
    said("n5", title="soup"),
)
MATERIALS = kitchen(CONTENTS)
SCORED = TAGGED_OUTPUT.tables["scored_candidates"]
METHODS = list_methods()


def test_the_papers_methods_are_listed() -> None:
    assert {"llm4tag", "match", "taggpt_generative", "taggpt_selective"} <= set(METHODS)
    assert sorted(METHODS) == METHODS


@pytest.mark.parametrize("method", METHODS)
def test_a_method_returns_scored_candidates(method: str) -> None:
    scored = load_tagger(method)(CONTENTS, MATERIALS)
    assert len(scored)
    assert scored.schema == SCORED.dtypes
    assert scored.null_count().sum_horizontal().item() == 0
    assert not scored.select(SCORED.key).is_duplicated().any()
    assert set(scored["content_id"]) <= set(CONTENTS["content_id"])
    assert set(scored.select("tag_id", "tag").iter_rows()) <= {(tag, tag) for tag in KITCHEN_TAGS}
    assert set(scored["neighbours"].explode().drop_nulls()) <= {"f1", "f2", "f3"}
    for share in ("confidence", "votes"):
        assert scored[share].is_between(0, 1).all()
    assert scored["evidence"].str.len_chars().min() > 0  # type: ignore[operator]


@pytest.mark.parametrize("method", METHODS)
def test_a_method_finds_the_tag_a_content_names(method: str) -> None:
    scored = load_tagger(method)(CONTENTS, MATERIALS).sort("confidence", descending=True)
    best = dict(scored.unique("content_id", keep="first", maintain_order=True).select("content_id", "tag").iter_rows())
    assert (best["n1"], best["n3"]) == ("soup", "travel")


@pytest.mark.parametrize("method", METHODS)
def test_a_method_answers_the_same_every_time(method: str) -> None:
    assert load_tagger(method)(CONTENTS, MATERIALS).equals(load_tagger(method)(CONTENTS, MATERIALS))


@pytest.mark.parametrize("method", METHODS)
def test_an_answer_does_not_depend_on_who_else_is_asked(method: str) -> None:
    tag = load_tagger(method)
    alone = pl.concat([tag(CONTENTS[number], MATERIALS) for number in range(len(CONTENTS))])
    assert_frame_equal(alone, tag(CONTENTS, MATERIALS), check_row_order=False, abs_tol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_no_contents_give_an_empty_frame(method: str) -> None:
    scored = load_tagger(method)(CONTENTS.clear(), MATERIALS)
    assert scored.is_empty()
    assert scored.schema == SCORED.dtypes


@pytest.mark.parametrize("method", METHODS)
def test_no_tags_give_an_empty_frame(method: str) -> None:
    scored = load_tagger(method)(CONTENTS, kitchen(CONTENTS, tags={}))
    assert scored.is_empty()
    assert scored.schema == SCORED.dtypes


@pytest.fixture
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is looked through for methods too; its modules are forgotten afterwards."""
    monkeypatch.setattr(taggers, "__path__", [*taggers.__path__, str(tmp_path)])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("tagflow.taggers."):
            del sys.modules[name]
            delattr(taggers, name.rpartition(".")[2])


def test_a_file_dropped_into_the_folder_is_a_method(plug_in: Path) -> None:
    (plug_in / "echo.py").write_text(
        "from tagflow.schemas import TAGGED_OUTPUT\n"
        "def tag(contents, materials):\n"
        "    return TAGGED_OUTPUT.tables['scored_candidates'].empty()\n"
    )
    assert list_methods() == sorted([*METHODS, "echo"])
    assert load_tagger("echo")(CONTENTS, MATERIALS).schema == SCORED.dtypes
    check_methods(DatasetSettings(tagging=TaggingSettings(method="echo")), "dataset.yaml")


@pytest.mark.parametrize(
    "settings",
    [
        DatasetSettings(tagging=TaggingSettings(method="llm4tga")),
        DatasetSettings(evaluation=EvaluationSettings(methods=("match", "llm4tga"))),
    ],
)
def test_a_misspelt_method_is_refused_with_the_file_and_what_there_is(settings: DatasetSettings) -> None:
    with pytest.raises(ConfigError, match=r"data/x\.yaml: .*'llm4tga', did you mean 'llm4tag'.*taggpt_selective"):
        check_methods(settings, "data/x.yaml")


def test_materials_keep_history_and_resemblance_apart() -> None:
    assert set(MATERIALS.deterministic["kind"]) == {"deterministic"}
    assert set(MATERIALS.similarity["kind"]) == {"similarity"}
    assert set(MATERIALS.deterministic.select("content_id", "target", "origin").iter_rows()) == {
        ("f1", "soup", "human"),
        ("f2", "vegan", "human"),
        ("f2", "soup", "machine"),
        ("f3", "travel", "human"),
    }
