"""The jobs: everything, only what is new, and what says which of the two a run is."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import dagster as dg

from tagflow.schemas import ARTIFACTS

Job = Any
"""What ``dg.define_asset_job`` returns: Dagster exports no name for it."""

MODE = "tagflow/mode"
"""Run tag: ``increment`` adds to what is stored and leaves the fitted parts as they are, ``failed`` only asks again
what had no answer, ``carry`` only carries renames and merges of tags over; without it all is made."""

METHODS = "tagflow/methods"
"""Run tag: the methods that this run's evaluation compares, with commas; without it those of the dataset's settings."""

ABLATIONS = "tagflow/ablations"
"""Run tag: ``true`` also measures the method in use without each of its parts."""

NEW_CONTENTS = ("raw_clues", "content_tag_graph", "tagged_output")
"""What a new content passes through between two refreshes."""

FAILED = ("candidate_tags", "tagged_output")
"""What asks a language model for each content."""


CARRIED = ("fused_tagset", "content_tag_graph", "knowledge_base", "tagged_output")
"""What names tags or rests on their ids."""


def carries(context: dg.AssetExecutionContext) -> bool:
    """Return whether the run only carries people's renames and merges of tags over to what is stored."""
    return context.run.tags.get(MODE) == "carry"


def is_retry(context: dg.AssetExecutionContext) -> bool:
    """Return whether the run only asks again for the contents that had no answer."""
    return context.run.tags.get(MODE) == "failed"


def is_increment(context: dg.AssetExecutionContext) -> bool:
    """Return whether the run only adds new contents."""
    return context.run.tags.get(MODE) == "increment"


def find_methods(context: dg.AssetExecutionContext) -> list[str] | None:
    """Return the methods that the run was told to compare; None if it was told nothing."""
    said = context.run.tags.get(METHODS)
    return said.split(",") if said else None


def wants_ablations(context: dg.AssetExecutionContext) -> bool:
    """Return whether the run also measures the method in use without each of its parts."""
    return context.run.tags.get(ABLATIONS) == "true"


class Jobs(NamedTuple):
    """The jobs of one place in a deployment."""

    tag_dataset: Job
    tag_new_contents: Job
    ask_again: Job
    carry_decisions: Job


def make_jobs(prefix: Sequence[str] = ()) -> Jobs:
    """Return the jobs on the assets below a key prefix, which their names begin with; each runs in one process."""

    def make_job(name: str, artifacts: Iterable[str], mode: str | None, description: str) -> Job:
        return dg.define_asset_job(
            prefix_name(prefix, name),
            selection=dg.AssetSelection.assets(*(dg.AssetKey([*prefix, artifact]) for artifact in artifacts)),
            tags={MODE: mode} if mode else None,
            description=description,
            executor_def=dg.in_process_executor,
        )

    return Jobs(
        make_job(
            "tag_dataset",
            ARTIFACTS,
            None,
            "Everything of one dataset: read, build the tag set, tag, evaluate. What did not change is not computed "
            "again.",
        ),
        make_job(
            "tag_new_contents",
            NEW_CONTENTS,
            "increment",
            "Tags contents that are new or changed with the tag set and the confidence model as they stand; everything "
            "else stays as it is.",
        ),
        make_job(
            "ask_again",
            FAILED,
            "failed",
            "Asks the language model again for the contents that had no answer; everything else stays as it is.",
        ),
        make_job(
            "carry_decisions",
            CARRIED,
            "carry",
            "Carries renames and merges of vocabulary.yaml over to what is stored; no tag model is asked.",
        ),
    )


def prefix_name(prefix: Sequence[str], name: str) -> str:
    """Return the name of a job, a sensor or a schedule below a key prefix."""
    return "_".join([*prefix, name])


JOBS = make_jobs()
"""The jobs of a deployment of tagflow's own."""
