"""What every tagging method promises, whichever methods there are; and that a file is all a new method needs."""

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tagflow import taggers
from tagflow.errors import ConfigError
from tagflow.materials import Materials
from tagflow.schemas import TAGGED_OUTPUT
from tagflow.settings import DatasetSettings, EvaluationSettings, TaggingSettings
from tagflow.taggers import (
    check_methods,
    describe_settings,
    find_obstacle,
    list_compared,
    list_methods,
    list_variants,
    load_tagger,
    name_model,
    resolve_method,
)
from tagflow.tagmodels.interview import Interview
from tagflow_tests.conftest import CHECKOUT
from tagflow_tests.llm.method_reader import WordReader, open_interview
from tagflow_tests.worlds import KITCHEN_TAGS, gather_knowledge, kitchen, raw_clues, said

CONTENTS = raw_clues(
    said("n1", title="soup") | {"hashtags": ["soup"]},
    said("n2", title="Vegan stew", caption="a vegan salad, then travel", ocr="SOUP"),
    said("n3", title="travel") | {"hashtags": ["Trips"]},
    said("n4", title="nothing of the kind"),
    said("n5", title="soup"),
)
ANNOTATED = raw_clues(
    *(said(f"f{number}", title="soup", labels=["soup"]) for number in (4, 5)),
    *(said(f"f{number}", title="vegan", labels=["vegan"]) for number in (6, 7)),
    *(said(f"f{number}", title="travel", labels=["travel"]) for number in (8, 9)),
)
RESULTS = pl.DataFrame(
    [("n1", "Broth", 0.9), ("n2", "stew", 0.5), ("n3", "travel", 0.7)],
    schema=["content_id", "said", "said_confidence"],
    orient="row",
)
MATERIALS = kitchen(CONTENTS, more=ANNOTATED, read_results=lambda file: RESULTS)
SCORED = TAGGED_OUTPUT.tables["scored_candidates"]
METHODS = list_methods()
SETTINGS: dict[str, dict[str, Any]] = {
    "bert": {"min_positives": 2},
    "lda": {"topics": 8, "min_words": 1, "passes": 30},
}
"""What a method needs to be told to work in a world of nine contents."""


INTERVIEWS: list[Interview] = []


@pytest.fixture(scope="module", autouse=True)
def word_reader() -> Iterator[None]:
    """A loopback server whose model finds fit whatever word a content says."""
    with open_interview(WordReader(), gather_knowledge(MATERIALS)) as (interview, _):
        INTERVIEWS.append(interview)
        yield
    INTERVIEWS.clear()


def run(method: str, contents: pl.DataFrame = CONTENTS, materials: Materials = MATERIALS) -> pl.DataFrame:
    asking = replace(materials, interview=INTERVIEWS[0].renew())
    return load_tagger(method, SETTINGS.get(method, {}))(contents, asking)


def test_the_papers_methods_are_listed() -> None:
    assert {"embedding_match", "llm4tag", "taggpt_generative", "taggpt_selective"} <= set(METHODS)
    assert sorted(METHODS) == METHODS


@pytest.mark.parametrize("method", METHODS)
def test_a_method_returns_scored_candidates(method: str) -> None:
    scored = run(method)
    assert len(scored)
    assert scored.schema == SCORED.dtypes
    assert scored.drop("raw_score", "rung").null_count().sum_horizontal().item() == 0
    assert scored["raw_score"].is_null().equals(scored["rung"].is_null()), "a language model's number has its rung"
    assert not scored.select(SCORED.key).is_duplicated().any()
    assert set(scored["content_id"]) <= set(CONTENTS["content_id"])
    assert set(scored.select("tag_id", "tag").iter_rows()) <= {(tag, tag) for tag in KITCHEN_TAGS}
    assert set(scored["neighbours"].explode().drop_nulls()) <= set(MATERIALS.taught["content_id"])
    for share in ("confidence", "votes"):
        assert scored[share].is_between(0, 1).all()
    assert scored["evidence"].str.len_chars().min() > 0  # type: ignore[operator]


@pytest.mark.parametrize("method", METHODS)
def test_a_method_finds_the_tag_a_content_names(method: str) -> None:
    scored = run(method).sort("confidence", descending=True)
    best = dict(scored.unique("content_id", keep="first", maintain_order=True).select("content_id", "tag").iter_rows())
    assert (best["n1"], best["n3"]) == ("soup", "travel")


@pytest.mark.parametrize("method", METHODS)
def test_a_method_answers_the_same_every_time(method: str) -> None:
    assert run(method).equals(run(method))


@pytest.mark.parametrize("method", METHODS)
def test_an_answer_does_not_depend_on_who_else_is_asked(method: str) -> None:
    alone = pl.concat([run(method, CONTENTS[number]) for number in range(len(CONTENTS))])
    assert_frame_equal(alone, run(method), check_row_order=False, abs_tol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_no_contents_give_an_empty_frame(method: str) -> None:
    scored = run(method, CONTENTS.clear())
    assert scored.is_empty()
    assert scored.schema == SCORED.dtypes


@pytest.mark.parametrize("method", METHODS)
def test_no_tags_give_an_empty_frame(method: str) -> None:
    scored = run(method, materials=kitchen(CONTENTS, tags={}, read_results=lambda file: RESULTS))
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


README = (CHECKOUT / "README.md").read_text(encoding="utf-8")


def read_example() -> str:
    """Return the file that the README shows under "Add a method"."""
    (code,) = re.findall(r"```python\n(.*?)```", README.split("**Add a method**")[1], re.S)
    return str(code)


def test_a_file_dropped_into_the_folder_is_a_method_with_settings_needs_and_variants(plug_in: Path) -> None:
    (plug_in / "longest.py").write_text(read_example())
    assert list_methods() == sorted([*METHODS, "longest"])
    chosen = DatasetSettings(tagging=TaggingSettings(method="longest", settings={"confidence": 0.25}))
    check_methods(chosen, "dataset.yaml")
    assert "longest" in list_compared(DatasetSettings())
    assert list_variants("longest") == {"unsure": {"confidence": 0.5}}
    scored = load_tagger("longest", chosen.tagging.settings)(CONTENTS, MATERIALS)
    assert scored.schema == SCORED.dtypes
    assert scored.select("tag", "confidence").unique().rows() == [("travel", 0.25)]
    assert find_obstacle("longest", CONTENTS, MATERIALS) is None
    nothing = replace(MATERIALS, deterministic=MATERIALS.deterministic.clear())
    assert "annotated contents" in str(find_obstacle("longest", CONTENTS, nothing))
    wrong = DatasetSettings(tagging=TaggingSettings(method="longest", settings={"confidence": 2}))
    with pytest.raises(ConfigError, match=r"x\.yaml: tagging\.settings\.confidence: .*less than or equal to 1.*says 2"):
        check_methods(wrong, "x.yaml")


def test_the_readme_lists_every_method_with_its_settings() -> None:
    rows = dict(re.findall(r"^\| `(\w+)`.*\| (.*) \|$", README.split("## Tagging methods")[1].split("\n## ")[0], re.M))
    assert sorted(rows) == METHODS
    for method, keys in rows.items():
        assert re.findall(r"`(\w+)`", keys) == list(describe_settings(method).model_fields), method


def test_an_alias_is_the_method() -> None:
    assert resolve_method("match") == "embedding_match"
    assert "embedding_match" not in list_compared(DatasetSettings(tagging=TaggingSettings(method="match")))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"tagging": {"method": "tfidf", "settings": {"topk": 3}}},
            r"x\.yaml: unknown key 'tagging\.settings\.topk', did you mean 'top_k' \(keys here: mode, top_k, ",
        ),
        (
            {"evaluation": {"settings": {"tfidf": {"mode": "opne"}}}},
            r"x\.yaml: evaluation\.settings\.tfidf\.mode: .*'centroid', 'names', 'linear' or 'open' \(it says 'opne'\)",
        ),
        ({"evaluation": {"settings": {"tfidff": {}}}}, r"x\.yaml: There is no tagging method 'tfidff', did you mean"),
        (
            {"tagging": {"method": "match"}, "evaluation": {"settings": {"embedding_match": {"top_k": 3}}}},
            r"x\.yaml: evaluation\.settings\.embedding_match: it tags this dataset, so its settings are tagging",
        ),
    ],
)
def test_a_setting_that_no_method_has_is_refused_with_file_and_key(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        check_methods(DatasetSettings.model_validate(settings), "x.yaml")


def test_the_name_of_what_tagged_tells_settings_so_that_another_setting_is_another_answer() -> None:
    model = MATERIALS.tag_model
    assert name_model("tfidf", model) == "tfidf/embedded, uncalibrated"
    assert name_model("tfidf", model, {"mode": "open"}) == "tfidf(mode=open)/embedded, uncalibrated"


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
    materials = kitchen(CONTENTS)
    assert set(materials.deterministic["kind"]) == {"deterministic"}
    assert set(materials.similarity["kind"]) == {"similarity"}
    assert set(materials.deterministic.select("content_id", "target", "origin").iter_rows()) == {
        ("f1", "soup", "human"),
        ("f2", "vegan", "human"),
        ("f2", "soup", "machine"),
        ("f3", "travel", "human"),
    }
