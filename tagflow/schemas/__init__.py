"""The declared schema of every artifact; frames are checked against it at each seam.

An artifact is a mapping from table name to Polars frame. The first table of an artifact bears the artifact's own name;
the others are its side tables (logs, statuses). What a column means stands here and nowhere else: the Dagster pages,
the exports and the checks read it from here.
"""

from tagflow.schemas.evaluation import EVALUATION_REPORT, LEADERBOARD
from tagflow.schemas.tag_set import CANDIDATE_TAGS, FILTERED_TAGSET, FITTED_ENCODER, FUSED_TAGSET, RAW_CLUES
from tagflow.schemas.tagging import (
    CONFIDENCE_MODEL,
    CONTENT_TAG_GRAPH,
    EMERGING_TAGS,
    KNOWLEDGE_BASE,
    STATUSES,
    TAGGED_OUTPUT,
)
from tagflow.tables import Artifact

ARTIFACTS: dict[str, Artifact] = {
    artifact.name: artifact
    for artifact in (
        RAW_CLUES,
        FITTED_ENCODER,
        CANDIDATE_TAGS,
        FILTERED_TAGSET,
        FUSED_TAGSET,
        CONTENT_TAG_GRAPH,
        KNOWLEDGE_BASE,
        CONFIDENCE_MODEL,
        TAGGED_OUTPUT,
        EMERGING_TAGS,
        EVALUATION_REPORT,
    )
}
"""Every artifact of a dataset by name, in the order of the way of a content."""

ACROSS: dict[str, Artifact] = {LEADERBOARD.name: LEADERBOARD}
"""Artifacts over all datasets."""

__all__ = [
    "ACROSS",
    "ARTIFACTS",
    "CANDIDATE_TAGS",
    "CONFIDENCE_MODEL",
    "CONTENT_TAG_GRAPH",
    "EMERGING_TAGS",
    "EVALUATION_REPORT",
    "FILTERED_TAGSET",
    "FITTED_ENCODER",
    "FUSED_TAGSET",
    "KNOWLEDGE_BASE",
    "LEADERBOARD",
    "RAW_CLUES",
    "STATUSES",
    "TAGGED_OUTPUT",
]
