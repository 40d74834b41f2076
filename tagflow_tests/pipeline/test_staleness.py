"""What changed is asked again and nothing else, through the assets, counted at the endpoint."""

import json
from pathlib import Path

import dagster as dg
import polars as pl
import yaml

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.pipeline.datasets import register_datasets
from tagflow.pipeline.definitions import build_definitions
from tagflow.pipeline.resources import Workbench
from tagflow_tests.cli.kitchens import COUNT, open_kitchen, read_costs
from tagflow_tests.pipeline.runs import materialize, metadata_of

LINE = "*tagged_output"
TASKS = ("select", "judge")


def run_job(data: Path, name: str) -> dg.ExecuteInProcessResult:
    with dg.instance_for_test() as instance:
        register_datasets(instance, data)
        job = build_definitions(Workbench(data=str(data))).resolve_job_def(name)
        return job.execute_in_process(instance=instance, partition_key="kitchen")


def count_asked(data: Path) -> dict[str, int]:
    costs = read_costs(data)
    return {task: costs.get(("tagged_output", task), 0) for task in TASKS}


def read(store: DuckDBStore, table: str = "tagged_output") -> pl.DataFrame:
    return store.read("kitchen", "tagged_output", table).sort("content_id", "tag_id")


def test_renames_merges_cuts_and_contents_ask_about_what_they_touch(tmp_path: Path) -> None:
    with open_kitchen(tmp_path) as server:
        store, folder = DuckDBStore(tmp_path / "warehouse"), tmp_path / "kitchen"
        materialize(tmp_path, "kitchen", LINE)
        first, tagged = len(server.requests), read(store, "scored_candidates")
        leader, member, named = (
            tagged["tag"].value_counts(sort=True).sort(-pl.col("count").cast(pl.Int64), "tag")["tag"][:3]
        )
        ids = dict(tagged.select("tag", "tag_id").unique().rows())

        # a rename and a merge: nobody is asked, the rows are the old ones under the other names
        decisions = {"rename": {named: "something else"}, "merge": {leader: [member]}}
        (folder / "vocabulary.yaml").write_text(yaml.safe_dump(decisions), encoding="utf-8")
        said = metadata_of(run_job(tmp_path, "carry_decisions"), "tagged_output")
        assert len(server.requests) == first
        assert (said["tagged_anew"], said["kept_as_they_were"], said["tags_moved"]) == (0, COUNT, 1)
        moved = pl.col("tag_id").replace({ids[member]: ids[leader]})
        names = pl.col("tag").replace({member: leader, named: "something else"})
        columns = ["content_id", "tag_id", "tag", "confidence"]
        expected = tagged.select("content_id", moved, names, "confidence").unique(columns[:2])
        assert read(store, "scored_candidates").select(columns).equals(expected.sort(columns[:2]))
        assert set(read(store)["tag"]) == set(expected["tag"])
        assert store.find_faults("kitchen", "tagged_output") == []

        # one more content: asked about alone, under the new names
        record = {"id": "new-1", "title": f"All about {leader}", "caption": "Nothing else."}
        (folder / "contents" / "more.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
        before, carried = count_asked(tmp_path), read(store)
        said = metadata_of(run_job(tmp_path, "tag_new_contents"), "tagged_output")
        assert (said["tagged_anew"], said["kept_as_they_were"]) == (1, COUNT)
        assert count_asked(tmp_path)["select"] == before["select"] + 1
        assert read(store).filter(pl.col("content_id") != "new-1").equals(carried)

        # another cut: nobody is asked, and of what was there the first two tags of each content are left
        asked, whole = len(server.requests), read(store)
        settings = yaml.safe_load((folder / "dataset.yaml").read_text(encoding="utf-8"))
        settings["tagging"] = {"top_k": 2}
        (folder / "dataset.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        said = metadata_of(run_job(tmp_path, "tag_new_contents"), "tagged_output")
        assert (said["tagged_anew"], len(server.requests)) == (0, asked)
        assert whole["rank"].max() > 2
        assert read(store).equals(whole.filter(pl.col("rank") <= 2))

        # another prompt of the judge: every content is asked about, but the selections are there already
        (folder / "prompts").mkdir()
        own = Path(__file__).resolve().parents[2] / "tagflow" / "prompts" / "en" / "judge.jinja"
        text = own.read_text(encoding="utf-8").replace("{% block system %}", "{% block system %}\nBe strict.")
        (folder / "prompts" / "judge.jinja").write_text(text, encoding="utf-8")
        before = count_asked(tmp_path)
        said = metadata_of(run_job(tmp_path, "tag_new_contents"), "tagged_output")
        assert (said["tagged_anew"], said["kept_as_they_were"]) == (COUNT + 1, 0)
        assert "another prompt" in str(said["tagged anew, and why"])
        assert count_asked(tmp_path)["judge"] > before["judge"]
