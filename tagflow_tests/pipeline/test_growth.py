"""Growth through the assets: what was applied in one run widens recall in the next, and only outside the test split."""

import polars as pl
import yaml

from tagflow_tests.conftest import Demo
from tagflow_tests.pipeline.runs import materialize, metadata_of


def test_what_was_applied_is_in_the_next_graph_and_moves_nothing_else(demo_copy: Demo) -> None:
    store, file = demo_copy.store, demo_copy.data / "recipes" / "dataset.yaml"
    settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    before = store.read("recipes", "content_tag_graph")
    samples = store.read("recipes", "knowledge_base")
    applied = store.read("recipes", "tagged_output").filter(pl.col("band") == "apply")
    file.write_text(yaml.safe_dump({**settings, "graph": {"grow": True}}), encoding="utf-8")
    said = metadata_of(materialize(demo_copy.data, "recipes", "content_tag_graph,knowledge_base"), "content_tag_graph")
    graph = store.read("recipes", "content_tag_graph")
    grown = graph.filter(pl.col("origin") == "grown")
    assert said["grown_edges"] == len(grown) > 0
    pair = ["content_id", "tag_id"]
    assert grown.rename({"target": "tag_id"}).join(applied, on=pair, how="anti").is_empty()
    fit = store.read("recipes", "raw_clues").filter(pl.col("split") == "fit")
    assert grown.join(fit, on="content_id", how="anti").is_empty()
    assert graph.filter(pl.col("origin") != "grown").equals(before)
    assert store.read("recipes", "knowledge_base").equals(samples)
    dated = store.read("recipes", "content_tag_graph", "grown")
    assert (
        dated.select(pair).sort(pair).rows() == grown.select("content_id", "target").sort("content_id", "target").rows()
    )
