"""Domain texts through the assets: passages are stored, and a definition moves the tag that it explains."""

import numpy as np
import polars as pl

from tagflow_tests.conftest import Demo
from tagflow_tests.pipeline.runs import materialize, metadata_of


def test_a_definition_in_the_folder_knowledge_moves_its_tag_and_no_other(demo_copy: Demo) -> None:
    store = demo_copy.store
    tag_id, name = store.read("recipes", "fused_tagset").filter(pl.col("description").is_null()).row(0)[:2]

    def place() -> dict[str, np.ndarray]:
        tags = store.read("recipes", "content_tag_graph", "vectors").filter(pl.col("node_kind") == "tag")
        return dict(zip(tags["node"], tags["vector"].to_numpy(), strict=True))

    before = place()
    (demo_copy.data / "recipes" / "knowledge").mkdir()
    text = f"# Our words\n\n{name}: whatever comes out of a clay oven after midnight\n"
    (demo_copy.data / "recipes" / "knowledge" / "words.md").write_text(text, encoding="utf-8")
    said = metadata_of(materialize(demo_copy.data, "recipes", "content_tag_graph,knowledge_base"), "knowledge_base")
    assert said["passages"] == 1
    assert store.read("recipes", "knowledge_base", "passages").select("heading", "text", "defines").rows() == [
        ("Our words", "whatever comes out of a clay oven after midnight", name)
    ]
    after = place()
    assert {node for node in before if not np.array_equal(before[node], after[node])} == {tag_id}
