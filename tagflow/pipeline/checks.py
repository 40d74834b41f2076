"""What must hold of the stored artifacts, shown on their pages; those of the schemas are made from the schemas."""

import dagster as dg
import polars as pl

from tagflow.clues.conversion import has_text
from tagflow.pipeline.assets import ASSETS, raw_clues, tagged_output
from tagflow.pipeline.datasets import DATASETS
from tagflow.pipeline.resources import Workbench
from tagflow.report.sketches import sketch_table
from tagflow.schemas import ARTIFACTS, STATUSES
from tagflow.tables import Tables
from tagflow.tagset.health import measure_health

MAY_BE_EMPTY = {"fitted_encoder", "candidate_tags", "knowledge_base", "emerging_tags"}
"""Artifacts without rows where the encoder is pretrained, none proposes, nobody annotated, all is tagged."""


@dg.asset_check(
    asset=tagged_output,
    name="conservation",
    partitions_def=DATASETS,
    additional_ins={"clues": dg.AssetIn(raw_clues.key)},
    description="Records read = tagged + no tag fits + skipped + quarantined + dead-lettered + pending.",
)
def conservation(tagged_output: Tables, clues: Tables) -> dg.AssetCheckResult:
    """Count the records read against the six ways they can end."""
    read = len(clues["raw_clues"]) + len(clues["quarantine"])
    counts = dict(tagged_output["content_status"]["status"].value_counts().iter_rows())
    without = clues["raw_clues"].join(tagged_output["content_status"], on="content_id", how="anti").height
    tagged = tagged_output["tagged_output"]["content_id"].n_unique()
    passed = sum(counts.values()) == read and not without and tagged == counts.get("tagged", 0)
    passed = passed and set(counts) <= set(STATUSES)
    return dg.AssetCheckResult(
        passed=passed,
        metadata={"records": read, "without_status": without, **{name: int(n) for name, n in counts.items()}},
    )


@dg.asset_check(
    asset=raw_clues,
    name="quarantine",
    partitions_def=DATASETS,
    description="No record was refused; the quarantine table names file, line and reason of each.",
)
def quarantine(raw_clues: Tables) -> dg.AssetCheckResult:
    """Warn about refused records."""
    refused = raw_clues["quarantine"]
    reasons = refused["reason"].value_counts(sort=True).head(5)
    table = dg.MetadataValue.json({reason: count for reason, count in reasons.iter_rows()})
    return dg.AssetCheckResult(
        passed=not len(refused),
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(refused)} records were refused" if len(refused) else None,
        metadata={"refused": len(refused), "reasons": table},
    )


@dg.asset_check(
    asset=tagged_output,
    name="tag_set_health",
    partitions_def=DATASETS,
    description="Redundancy, one-content share, Gini, coverage, ambiguous aliases, malformed names and foreign scripts "
    "of the tag set, each within its limit of vocabulary.health.",
)
def tag_set_health(context: dg.AssetCheckExecutionContext, workbench: Workbench) -> dg.AssetCheckResult:
    """Warn about every figure of the tag set that is beyond its limit."""
    dataset = workbench.open(context.partition_key, context.log.info)
    store, settings = dataset.store, dataset.settings
    tagset = store.read_all(dataset.name, "fused_tagset")
    fused = tagset["fused_tagset"]
    vectors = store.read(dataset.name, "content_tag_graph", "vectors").filter(pl.col("node_kind") == "tag")
    placed = fused.select(node="tag_id").join(vectors, on="node", how="left", maintain_order="left")["vector"]
    contents = store.read(dataset.name, "raw_clues").filter(has_text()).height
    limits = settings.vocabulary.health
    if limits.similar is None:
        limits = limits.model_copy(update={"similar": dataset.thresholds.fuse})
    health = measure_health(
        fused,
        store.read(dataset.name, "tagged_output"),
        tagset["fusion_log"],
        placed.to_numpy().reshape(len(fused), -1),
        contents,
        settings.language,
        limits,
    )
    values = {metric: value for metric, value in health.select("metric", "value").iter_rows() if value is not None}
    beyond = health.filter(~pl.col("passed")).select("metric", "value", "limit", "detail")
    said = [f"{metric} is {value:.3g}, beyond {limit:.3g}" for metric, value, limit, _ in beyond.iter_rows()]
    table = sketch_table(beyond, len(beyond)) if said else "none"
    return dg.AssetCheckResult(
        passed=beyond.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(said) or None,
        metadata={**values, "beyond the limit": dg.MetadataValue.md(table)},
    )


def _make_schema_check(asset: dg.AssetsDefinition) -> dg.AssetChecksDefinition:
    """An error if the stored tables are not what is declared."""
    name = asset.key.path[-1]

    @dg.asset_check(
        asset=asset,
        name="declared_schema",
        partitions_def=DATASETS,
        description=f"{', '.join(ARTIFACTS[name].tables)}: declared columns, no null where none may be, unique keys.",
    )
    def declared_schema(context: dg.AssetCheckExecutionContext, workbench: Workbench) -> dg.AssetCheckResult:
        faults = workbench.store().find_faults(context.partition_key, name)
        return dg.AssetCheckResult(passed=not faults, metadata={"faults": dg.MetadataValue.json(faults)})

    return declared_schema


def _make_rows_check(asset: dg.AssetsDefinition) -> dg.AssetChecksDefinition:
    """A warning if there is nothing in it."""
    name = asset.key.path[-1]

    @dg.asset_check(
        asset=asset, name="has_rows", partitions_def=DATASETS, description=f"{name} holds at least one row."
    )
    def has_rows(context: dg.AssetCheckExecutionContext, workbench: Workbench) -> dg.AssetCheckResult:
        rows = int(workbench.store().describe(context.partition_key, name)[f"rows.{name}"])
        return dg.AssetCheckResult(passed=rows > 0, severity=dg.AssetCheckSeverity.WARN, metadata={"rows": rows})

    return has_rows


CHECKS = [
    conservation,
    quarantine,
    tag_set_health,
    *(_make_schema_check(asset) for asset in ASSETS),
    *(_make_rows_check(asset) for asset in ASSETS if asset.key.path[-1] not in MAY_BE_EMPTY),
]
