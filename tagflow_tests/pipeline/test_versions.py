"""A run publishes all that it made of a dataset, or nothing; one artifact made alone is a version too."""

from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from tagflow.adapters.dataset_lease import Lease
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.confidence.ranking import rank_tags
from tagflow.errors import ArtifactError
from tagflow.pipeline.datasets import register_datasets
from tagflow.pipeline.definitions import build_definitions
from tagflow.pipeline.publishing import find_set_faults
from tagflow.pipeline.resources import Workbench
from tagflow.pipeline.selection import choose_assets
from tagflow.schemas import ARTIFACTS
from tagflow_tests.conftest import Demo
from tagflow_tests.pipeline.runs import make_dataset, materialize, metadata_of, read_recipes

NAME = "few"


def read_number(store: DuckDBStore) -> int:
    version = store.version(NAME)
    return version.number if version else 0


def test_a_whole_run_is_one_version_and_one_asset_alone_is_one_too(tmp_path: Path) -> None:
    make_dataset(tmp_path, NAME, read_recipes(12), vocabulary={"min_contents": 2})
    store = DuckDBStore(tmp_path / "warehouse")
    result = materialize(tmp_path, NAME)
    assert read_number(store) == 1
    (version,) = [store.version(NAME)]
    assert set(version.files) == {"report.html", *(f"{name}.duckdb" for name in ARTIFACTS)}
    assert version.manifest.run == result.run_id
    rows = {"raw_clues": 12, "quarantine": 0, "source_files": 1, "tombstones": 0}
    assert version.files["raw_clues.duckdb"].rows == rows
    said = [name for name in ARTIFACTS if "version" in metadata_of(result, name)]
    assert len(said) == 1, "the asset that completes the run says which version it published"
    before = version.files
    again = materialize(tmp_path, NAME, "filtered_tagset")
    assert (read_number(store), metadata_of(again, "filtered_tagset")["version"]) == (2, 2)
    after = store.version(NAME).files
    assert {name for name in after if after[name] != before[name]} <= {"filtered_tagset.duckdb"}


def make_job() -> dg.JobDefinition:
    """Return the job of all assets, on the data folder that the environment names."""
    return build_definitions(Workbench()).resolve_job_def("tag_dataset")


def test_a_run_that_fails_publishes_nothing_and_its_retry_goes_on(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TAGFLOW_DATA", str(tmp_path))
    folder = make_dataset(tmp_path, NAME, read_recipes(12), vocabulary={"min_contents": 90})
    store = DuckDBStore(tmp_path / "warehouse")
    part = choose_assets(build_definitions(Workbench()), "raw_clues,fitted_encoder,candidate_tags,filtered_tagset")
    job, tags = dg.reconstructable(make_job), {"dagster/partition": NAME}
    with dg.instance_for_test() as instance:
        register_datasets(instance, tmp_path)
        failed = dg.execute_job(job, instance, asset_selection=part, tags=tags)
        assert "no tag is left" in str(failed.get_step_failure_events()[0].step_failure_data.error)
        assert (read_number(store), store.exists(NAME, "raw_clues")) == (0, False)
        (folder / "dataset.yaml").write_text("vocabulary: {min_contents: 2}\n", encoding="utf-8")
        options = dg.ReexecutionOptions.from_failure(failed.run_id, instance)
        again = dg.execute_job(job, instance, asset_selection=part, tags=tags, reexecution_options=options)
    made = {event.step_key for event in again.get_step_success_events()}
    assert "filtered_tagset" in made
    assert "candidate_tags" not in made, "what its root made was there still"
    assert read_number(store) == 1
    assert set(store.artifacts(NAME)) >= {"raw_clues", "fitted_encoder", "candidate_tags", "filtered_tagset"}


def test_a_set_that_does_not_hold_together_is_not_published(demo_copy: Demo, monkeypatch) -> None:
    store = demo_copy.store
    assert find_set_faults(store, "recipes", set(ARTIFACTS)) == []
    tagged = store.read_all("recipes", "tagged_output")
    wrong = {**tagged, "content_status": tagged["content_status"].head(100)}
    dead = tagged["tagged_output"].with_columns(tag_id=pl.lit("no such tag") + pl.col("tag_id"))
    store.write("recipes", "tagged_output", {**wrong, "tagged_output": dead})
    tags = dead["tag_id"].n_unique()
    lost, gone = find_set_faults(store, "recipes", {"tagged_output"})
    assert lost == "tagged_output: 100 of 176 records are accounted for"
    assert gone.startswith(f"tagged_output: {tags} tags are not in the tag set, such as no such tag")
    assert find_set_faults(store, "recipes", {"raw_clues", "fused_tagset"}) == []
    number = store.version("recipes").number
    monkeypatch.setattr("tagflow.pipeline.staging.find_set_faults", lambda *_: ["something is amiss"])
    with pytest.raises(ArtifactError, match="does not hold together: something is amiss"):
        materialize(demo_copy.data, "recipes", "filtered_tagset")
    assert store.version("recipes").number == number


def test_a_refresh_that_gives_tags_of_no_tag_set_leaves_the_last_good_version(tmp_path: Path, monkeypatch) -> None:
    make_dataset(tmp_path, NAME, read_recipes(12), vocabulary={"min_contents": 2})
    materialize(tmp_path, NAME, "*tagged_output")
    store = DuckDBStore(tmp_path / "warehouse")
    good = {name: store.read_all(NAME, name) for name in store.artifacts(NAME) if name in ARTIFACTS}

    def rank_wrongly(*given: object, **named: object) -> pl.DataFrame:
        return rank_tags(*given, **named).with_columns(tag_id="dead " + pl.col("tag_id"))

    monkeypatch.setattr("tagflow.pipeline.assets.rank_tags", rank_wrongly)
    with (tmp_path / NAME / "contents" / "contents.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "new-1", "title": "Lentil soup", "caption": "Red lentils and garlic."}\n')
    with pytest.raises(ArtifactError, match=r"\d+ tags are not in the tag set, such as dead "):
        materialize(tmp_path, NAME, "*tagged_output")
    assert read_number(store) == 1
    for name, tables in good.items():
        assert all(store.read(NAME, name, table).equals(rows) for table, rows in tables.items()), name
    monkeypatch.undo()
    assert metadata_of(materialize(tmp_path, NAME, "*tagged_output"), "tagged_output")["version"] == 2
    assert "new-1" in set(store.read(NAME, "raw_clues")["content_id"])


def test_a_run_beside_another_one_of_its_dataset_is_refused_by_name(tmp_path: Path) -> None:
    make_dataset(tmp_path, NAME, read_recipes(3))
    store = DuckDBStore(tmp_path / "warehouse")
    lease = Lease(store.versions(NAME).folder, NAME, "run-1").acquire(0)
    definitions = build_definitions(Workbench(data=str(tmp_path), patience=0))
    job = definitions.resolve_implicit_global_asset_job_def()
    with dg.instance_for_test() as instance:
        register_datasets(instance, tmp_path)
        part = choose_assets(definitions, "raw_clues")
        with pytest.raises(ArtifactError, match=r"Dataset 'few' is held by run run-1 \(process \d+, since "):
            job.execute_in_process(instance=instance, partition_key=NAME, asset_selection=part)
        lease.release()
        assert job.execute_in_process(instance=instance, partition_key=NAME, asset_selection=part).success
    assert read_number(store) == 1
