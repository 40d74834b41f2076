"""A correction through the assets: at once for its content, as an edge, as a sample, never on a held-out one."""

import json
from pathlib import Path

import dagster as dg
import polars as pl

from tagflow.pipeline.datasets import register_datasets
from tagflow.pipeline.definitions import build_definitions
from tagflow.pipeline.resources import Workbench
from tagflow_tests.conftest import Demo
from tagflow_tests.pipeline.runs import materialize, metadata_of


def correct(data: Path, *cases: tuple[str, str, bool]) -> None:
    """Write corrections as a person would by hand."""
    lines = [json.dumps({"content_id": content, "tag": tag, "right": right}) for content, tag, right in cases]
    (data / "recipes" / "corrections.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def increment(data: Path) -> dg.ExecuteInProcessResult:
    with dg.instance_for_test() as instance:
        register_datasets(instance, data)
        job = build_definitions(Workbench(data=str(data))).resolve_job_def("tag_new_contents")
        return job.execute_in_process(instance=instance, partition_key="recipes")


def pick(demo: Demo, split: str) -> tuple[str, str]:
    """Return a content of the split and its first tag."""
    of_split = demo.store.read("recipes", "raw_clues").filter(pl.col("split") == split)
    tagged = demo.store.read("recipes", "tagged_output").join(of_split, on="content_id", how="semi")
    return tagged.filter(pl.col("rank") == 1).sort("content_id").select("content_id", "tag").row(0)


def test_a_correction_holds_at_once_and_nothing_is_fitted_for_it(demo_copy: Demo) -> None:
    content, wrong = pick(demo_copy, "fit")
    model = demo_copy.store.read("recipes", "confidence_model")
    absent = set(demo_copy.store.read("recipes", "tagged_output").filter(pl.col("content_id") == content)["tag"])
    right = next(tag for tag in ("picnic", "holiday", "date night", "brunch") if tag not in absent)
    correct(demo_copy.data, (content, wrong, False), (content, right, True))
    said = metadata_of(increment(demo_copy.data), "tagged_output")
    assert said["tagged_anew"] == 1
    tagged = demo_copy.store.read("recipes", "tagged_output").filter(pl.col("content_id") == content)
    assert wrong not in set(tagged["tag"])
    assert tagged.filter(pl.col("tag") == right).select("rank", "confidence", "path").row(0) == (1, 1.0, "reviewed")
    edges = demo_copy.store.read("recipes", "content_tag_graph").filter(pl.col("origin") == "reviewed")
    assert edges["content_id"].to_list() == [content]
    assert demo_copy.store.read("recipes", "confidence_model").equals(model)
    (demo_copy.data / "recipes" / "corrections.jsonl").unlink()
    increment(demo_copy.data)
    tagged = demo_copy.store.read("recipes", "tagged_output").filter(pl.col("content_id") == content)
    assert right not in set(tagged.filter(pl.col("path") == "reviewed")["tag"])


def test_a_correction_becomes_a_sample_at_the_next_refresh_and_a_held_out_one_never(demo_copy: Demo) -> None:
    content, wrong = pick(demo_copy, "fit")
    held_out, other = pick(demo_copy, "test")
    correct(demo_copy.data, (content, wrong, False), (held_out, other, False))
    result = materialize(demo_copy.data, "recipes", "content_tag_graph,knowledge_base")
    said = metadata_of(result, "content_tag_graph")
    assert (said["corrections_wrong"], said["corrections_held_out"]) == (1, 1)
    samples = demo_copy.store.read("recipes", "knowledge_base").filter(pl.col("origin") == "reviewed")
    assert samples.select("content_id", "right").rows() == [(content, False)]
    names = dict(demo_copy.store.read("recipes", "fused_tagset").select("tag", "tag_id").iter_rows())
    linked = demo_copy.store.read("recipes", "content_tag_graph").filter(
        (pl.col("content_id") == content) & (pl.col("target") == names[wrong]) & pl.col("kind").eq("deterministic")
    )
    assert linked.is_empty()
