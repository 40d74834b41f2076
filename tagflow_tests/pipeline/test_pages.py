"""What an asset's page shows: short enough to be shown inline, and true."""

from pathlib import Path

import dagster as dg
import pytest

from tagflow.pipeline.assets import ASSETS
from tagflow.pipeline.pages import PICTURES, SAMPLED, SPOKEN, draw_page
from tagflow.schemas import ARTIFACTS
from tagflow_tests.conftest import Demo, call_tagflow
from tagflow_tests.pipeline.runs import make_dataset, materialize, metadata_of, read_recipes

INLINE = 1000  # characters below which Dagster shows Markdown without a click


@pytest.mark.parametrize("name", ARTIFACTS)
def test_every_page_has_rows_and_pictures_that_are_shown_inline(demo: Demo, name: str) -> None:
    tables = demo.store.read_all("recipes", name)
    shown = draw_page(name, "recipes", tables)
    assert set(PICTURES.get(name, {})) <= set(shown)
    assert ("none: it has no rows" in shown["sample rows"].value) == (len(tables[name]) == 0)
    for title, value in shown.items():
        assert isinstance(value, dg.MarkdownMetadataValue)
        assert 0 < len(value.value) < INLINE, title


@pytest.mark.parametrize("name", ARTIFACTS)
def test_a_page_of_nothing_is_no_error(name: str) -> None:
    empty = {table: declared.empty() for table, declared in ARTIFACTS[name].tables.items()}
    for title, value in draw_page(name, "none", empty).items():
        assert len(value.value) < INLINE, title


def test_the_columns_of_sample_rows_are_columns_of_their_artifacts_and_hold_no_content_text() -> None:
    for name, columns in SAMPLED.items():
        assert set(columns) <= set(ARTIFACTS[name].tables[name].columns)
        assert not set(columns) & set(SPOKEN)


def test_what_was_dropped_is_counted_with_its_reason(demo: Demo) -> None:
    tables = demo.store.read_all("recipes", "filtered_tagset")
    rare = tables["filtered_tagset"].filter(tables["filtered_tagset"]["verdict"] == "too_rare").height
    assert f"|{rare}|" in draw_page("filtered_tagset", "recipes", tables)["kept or dropped, and why"].value


def test_every_asset_has_owner_kinds_group_and_a_source_in_the_papers() -> None:
    for asset in ASSETS:
        spec = asset.get_asset_spec()
        name = spec.key.path[-1]
        assert spec.owners == ["team:tagging"]
        assert {"duckdb", "polars"} <= spec.kinds
        assert spec.group_name in {"tag_set", "tagging", "knowledge", "evaluation"}
        assert f"Source: {ARTIFACTS[name].source}." in (spec.description or "")
        columns = {column.name: column for column in spec.metadata["dagster/column_schema"].columns}
        declared = ARTIFACTS[name].tables[name]
        assert {name: column.constraints.nullable for name, column in columns.items()} == {
            name: column.nullable for name, column in declared.columns.items()
        }


def test_the_report_is_a_page_beside_the_artifacts_and_can_be_copied(demo: Demo, tmp_path: Path) -> None:
    said = call_tagflow("report", "recipes", data=demo.data, cwd=tmp_path)
    page = demo.data / "warehouse" / "dataset=recipes" / "report.html"
    assert said.out == f"The report of recipes: {page}\n"
    assert call_tagflow("report", "recipes", "mine.html", data=demo.data, cwd=tmp_path).code == 0
    text = (tmp_path / "mine.html").read_text(encoding="utf-8")
    assert text == page.read_text(encoding="utf-8")
    assert "<svg" in text
    assert "recipes" in text
    missing = call_tagflow("report", "recipes", "no/such/folder.html", data=demo.data, cwd=tmp_path)
    assert missing.code == 1
    assert "no/such/folder.html cannot be written" in missing.err


def test_without_a_run_there_is_no_report(tmp_path: Path) -> None:
    make_dataset(tmp_path / "data", "fresh", read_recipes(2))
    said = call_tagflow("report", "fresh", data=tmp_path / "data", cwd=tmp_path)
    assert said.code == 1
    assert "has not been made yet: run tagflow run fresh" in said.err


def test_the_asset_names_its_report_page(tmp_path: Path) -> None:
    make_dataset(tmp_path, "some", read_recipes(12), vocabulary={"min_contents": 2})
    said = metadata_of(materialize(tmp_path, "some"), "evaluation_report")
    assert said["report"] == str(tmp_path / "warehouse" / "dataset=some" / "report.html")
    assert Path(str(said["report"])).is_file()
