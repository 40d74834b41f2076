"""What must hold of the artifacts that a run made, beside the others, before they become the dataset's new version."""

from collections.abc import Collection

import polars as pl

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.schemas import STATUSES


def find_set_faults(store: DuckDBStore, dataset: str, made: Collection[str]) -> list[str]:
    """Return what does not hold together, a sentence each.

    Each artifact that was made has its declared schema. If the tags were given anew, every record read is accounted
    for; if they or the edges were, every tag of theirs is in the tag set. What was not made anew is not asked: a person
    may make one artifact alone, and what stands on it is then stale, not wrong.

    Args:
        store: sees what was made and, beside it, what was not.
        dataset: the dataset.
        made: names of the artifacts.

    Raises:
        ArtifactError: one cannot be read.
    """
    faults = [f"{name}: {fault}" for name in sorted(made) for fault in store.find_faults(dataset, name)]
    if faults:
        return faults
    if "tagged_output" in made and store.exists(dataset, "raw_clues"):
        faults += _find_lost(store, dataset)
    if store.exists(dataset, "fused_tagset"):
        alive = store.read(dataset, "fused_tagset").select("tag_id")
        if "tagged_output" in made:
            given = store.read(dataset, "tagged_output").select("tag_id").unique()
            faults += _tell_dead("tagged_output", given.join(alive, on="tag_id", how="anti"))
        if "content_tag_graph" in made:
            edges = store.read(dataset, "content_tag_graph").filter(pl.col("target_kind") == "tag")
            given = edges.select(tag_id="target").unique()
            faults += _tell_dead("content_tag_graph", given.join(alive, on="tag_id", how="anti"))
    return faults


def _find_lost(store: DuckDBStore, dataset: str) -> list[str]:
    clues = store.describe(dataset, "raw_clues")
    read = int(clues["rows.raw_clues"]) + int(clues["rows.quarantine"])
    status = store.read(dataset, "tagged_output", "content_status")
    unknown = sorted(set(status["status"].unique()) - set(STATUSES))
    faults = [f"tagged_output: {len(status)} of {read} records are accounted for"] if len(status) != read else []
    return faults + ([f"tagged_output: records ended as {', '.join(unknown)}"] if unknown else [])


def _tell_dead(artifact: str, dead: pl.DataFrame) -> list[str]:
    return [f"{artifact}: {len(dead)} tags are not in the tag set, such as {dead['tag_id'][0]}"] if len(dead) else []
