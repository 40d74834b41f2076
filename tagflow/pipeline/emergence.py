"""The queue of emerging tags: what contents that no tag fits have in common. A person adds one, or nobody does."""

import dagster as dg
import polars as pl

from tagflow.confidence.thresholds import NEVER, find_bands
from tagflow.graph.space import open_space
from tagflow.pipeline.pages import Result, describe_asset, make_result
from tagflow.pipeline.resources import Workbench
from tagflow.tables import Tables
from tagflow.tagset.emergence import NEARER, find_unfitted, list_phrases, suggest_tags
from tagflow.tagset.vocabulary import resolve_tags


@dg.asset(**describe_asset("emerging_tags", "knowledge", "scikitlearn"))
def emerging_tags(
    context: dg.AssetExecutionContext,
    workbench: Workbench,
    raw_clues: pl.DataFrame,
    candidate_tags: pl.DataFrame,
    filtered_tagset: pl.DataFrame,
    fused_tagset: pl.DataFrame,
    content_tag_graph: Tables,
    confidence_model: Tables,
    tagged_output: Tables,
) -> Result:
    """Group the contents without a confident tag; where no threshold is safe, ``apply_at`` as set says what is."""
    dataset = workbench.open_for(context)
    bands = find_bands(dataset.settings, confidence_model["thresholds"], tagged_output["tagged_output"])
    least = bands.tagging.apply_at if bands.tagging.apply_at < NEVER else dataset.settings.tagging.apply_at
    unfitted = find_unfitted(tagged_output["tagged_output"], tagged_output["content_status"], raw_clues, least)
    space = open_space(content_tag_graph)
    rows = space.contents.filter(pl.col("node").is_in(unfitted.implode())).sort("node")
    vectors = space.content_vectors[rows["row"].to_numpy()]
    names = fused_tagset.select("tag_id", "tag")
    tags = space.tags.select(tag_id="node").join(names, on="tag_id", maintain_order="left")
    phrases = list_phrases(candidate_tags, filtered_tagset, resolve_tags(fused_tagset))
    near = NEARER * dataset.thresholds.delta_cc
    table = suggest_tags(rows["node"], vectors, phrases, (tags, space.tag_vectors), dataset.encoder, near)
    return make_result(context, dataset, {"emerging_tags": table}, unfitted=len(rows))
