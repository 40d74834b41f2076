"""What must hold of the stored artifacts, shown on their pages."""

import dagster as dg

from tagflow.pipeline.assets import raw_clues, tagged_output
from tagflow.pipeline.datasets import DATASETS
from tagflow.schemas import STATUSES
from tagflow.tables import Tables


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
        metadata={"refused": len(refused), "reasons": table},
    )


CHECKS = [conservation, quarantine]
