"""What must hold of the stored artifacts, shown on their pages; those of the schemas are made from the schemas."""

import dagster as dg
import numpy as np
import polars as pl

from tagflow.calls import WAITING
from tagflow.clues.conversion import has_text
from tagflow.evaluation.drift import LIMIT, find_drift, measure_spread
from tagflow.evaluation.separation import find_touched
from tagflow.pipeline.assets import ASSETS, evaluation_report, raw_clues, tagged_output
from tagflow.pipeline.datasets import DATASETS
from tagflow.pipeline.pages import ENTROPY, SHARE
from tagflow.pipeline.resources import Workbench
from tagflow.report.sketches import sketch_table
from tagflow.schemas import ARTIFACTS, STATUSES
from tagflow.tables import Tables
from tagflow.tagset.filtering import count_tags
from tagflow.tagset.health import measure_health
from tagflow.tagset.vocabulary import collect_uses

EARLIER = 30  # ours: about a month of daily refreshes

MAY_BE_EMPTY = {"fitted_encoder", "candidate_tags", "knowledge_base", "emerging_tags"}
"""Artifacts without rows where the encoder is pretrained, none proposes, nobody annotated, all is tagged."""

LEARNED = (
    "candidate_tags",
    "filtered_tagset",
    "content_tag_graph",
    "knowledge_base",
    "tagged_output",
    "emerging_tags",
)
"""Artifacts in which a held-out content could have had a part."""


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
    name="answered",
    partitions_def=DATASETS,
    description="Every question to the language model has its answer: none is a dead letter, none waits for a budget.",
)
def answered(tagged_output: Tables) -> dg.AssetCheckResult:
    """Warn about contents without an answer, and about a budget that ended."""
    letters = tagged_output["dead_letters"]
    waiting = letters.filter(pl.col("outcome").is_in(WAITING))
    budget = waiting.filter(pl.col("outcome") == "over_budget")["content_id"].n_unique()
    counts = {"waiting": waiting["content_id"].n_unique(), "dead_letters": len(letters) - len(waiting)}
    said = [f"the budget ended before {budget:,} contents were answered"] if budget else []
    said += [f"{counts['dead_letters']:,} questions were given up"] if counts["dead_letters"] else []
    return dg.AssetCheckResult(
        passed=letters.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join([*said, "the job ask_again asks for them"]) if len(letters) else None,
        metadata={**counts, "over_budget": budget},
    )


@dg.asset_check(
    asset=tagged_output,
    name="drift",
    partitions_def=DATASETS,
    description="Neither the share of the commonest tag nor the entropy of all lies more than three deviations off the "
    "earlier runs of the dataset.",
)
def drift(context: dg.AssetCheckExecutionContext, tagged_output: Tables) -> dg.AssetCheckResult:
    """Warn if one tag swallows the contents, as compared with up to 30 earlier runs."""
    now = measure_spread(tagged_output["tagged_output"])
    (asked,) = context.op_execution_context.selected_asset_check_keys
    wanted = dg.AssetRecordsFilter(asset_key=asked.asset_key, asset_partitions=[context.partition_key])
    events = context.instance.fetch_materializations(wanted, limit=EARLIER + 1).records
    earlier = [
        event.asset_materialization.metadata
        for event in events
        if event.run_id != context.run.run_id and event.asset_materialization
    ]
    known = [told for told in earlier if SHARE in told and ENTROPY in told][:EARLIER]
    shares, entropies = ([float(str(told[name].value)) for told in known] for name in (SHARE, ENTROPY))
    found = find_drift(now, shares, entropies)
    beyond = {figure: off for figure, off in found.items() if abs(off) > LIMIT}
    said = [f"{figure} lies {off:+.1f} deviations off {len(known)} earlier runs" for figure, off in beyond.items()]
    commonest = tagged_output["tagged_output"]["tag"].value_counts(sort=True).head(3)
    return dg.AssetCheckResult(
        passed=not beyond,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(said) or (None if found else "too few earlier runs to compare with"),
        metadata={
            SHARE: now.largest_share,
            ENTROPY: now.entropy,
            "earlier_runs": len(known),
            **{f"{figure}, deviations": off for figure, off in found.items() if np.isfinite(off)},
            "commonest tags": dg.MetadataValue.md(sketch_table(commonest, 3) if len(commonest) else "none"),
        },
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
    dataset = workbench.open_for(context)
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


@dg.asset_check(
    asset=evaluation_report,
    name="held_out_untouched",
    partitions_def=DATASETS,
    description="No held-out content proposed, was counted, taught the classifier or the confidence, has an edge that "
    "votes, or stands among another content's neighbours (TagGPT §3.3.2).",
)
def held_out_untouched(context: dg.AssetCheckExecutionContext, workbench: Workbench) -> dg.AssetCheckResult:
    """Fail if a held-out content had a part in anything that is fitted: its figures would be too good."""
    dataset = workbench.open(context.partition_key, context.log.info)
    store, name = dataset.store, dataset.name
    made = [artifact for artifact in LEARNED if store.exists(name, artifact)]
    tables = {artifact: store.read_all(name, artifact) for artifact in made}
    contents = store.read(name, "raw_clues")
    fit = contents.filter(pl.col("split") == "fit")
    proposed = tables["candidate_tags"]["candidate_tags"].join(fit, on="content_id", how="semi")
    counted = count_tags(collect_uses(fit, proposed, dataset.read_tag_list(), dataset.settings.vocabulary))
    touched = find_touched(contents, tables, counted)
    said = [f"{artifact}: {count} {what}, such as {one}" for artifact, what, count, one in touched.iter_rows()]
    held_out = contents.filter(pl.col("split") == "test").height
    return dg.AssetCheckResult(
        passed=touched.is_empty(),
        description="; ".join(said) or None,
        metadata={"held_out": held_out, "looked_at": ", ".join(made)},
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
        faults = workbench.store_for(context).find_faults(context.partition_key, name)
        return dg.AssetCheckResult(passed=not faults, metadata={"faults": dg.MetadataValue.json(faults)})

    return declared_schema


def _make_rows_check(asset: dg.AssetsDefinition) -> dg.AssetChecksDefinition:
    """A warning if there is nothing in it."""
    name = asset.key.path[-1]

    @dg.asset_check(
        asset=asset, name="has_rows", partitions_def=DATASETS, description=f"{name} holds at least one row."
    )
    def has_rows(context: dg.AssetCheckExecutionContext, workbench: Workbench) -> dg.AssetCheckResult:
        rows = int(workbench.store_for(context).describe(context.partition_key, name)[f"rows.{name}"])
        return dg.AssetCheckResult(passed=rows > 0, severity=dg.AssetCheckSeverity.WARN, metadata={"rows": rows})

    return has_rows


CHECKS = [
    conservation,
    quarantine,
    answered,
    drift,
    tag_set_health,
    held_out_untouched,
    *(_make_schema_check(asset) for asset in ASSETS),
    *(_make_rows_check(asset) for asset in ASSETS if asset.key.path[-1] not in MAY_BE_EMPTY),
]
