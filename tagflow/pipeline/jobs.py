"""The jobs: everything, only what is new, and what says which of the two a run is."""

import dagster as dg

MODE = "tagflow/mode"
"""Run tag: ``increment`` adds to what is stored and leaves the fitted parts as they are, ``failed`` only asks again
what had no answer; without it all is made."""

NEW_CONTENTS = ("raw_clues", "content_tag_graph", "tagged_output")
"""What a new content passes through between two refreshes."""

FAILED = ("candidate_tags", "tagged_output")
"""What asks a language model for each content."""


def is_retry(context: dg.AssetExecutionContext) -> bool:
    """Return whether the run only asks again for the contents that had no answer."""
    return context.run.tags.get(MODE) == "failed"


def is_increment(context: dg.AssetExecutionContext) -> bool:
    """Return whether the run only adds new contents."""
    return context.run.tags.get(MODE) == "increment"


tag_dataset = dg.define_asset_job(
    "tag_dataset",
    selection=dg.AssetSelection.all(),
    description="Everything of one dataset: read, build the tag set, tag, evaluate. What did not change is not "
    "computed again.",
)

tag_new_contents = dg.define_asset_job(
    "tag_new_contents",
    selection=dg.AssetSelection.assets(*NEW_CONTENTS),
    tags={MODE: "increment"},
    description="Tags contents that are new or changed with the tag set and the confidence model as they stand; "
    "everything else stays as it is.",
)

ask_again = dg.define_asset_job(
    "ask_again",
    selection=dg.AssetSelection.assets(*FAILED),
    tags={MODE: "failed"},
    description="Asks the language model again for the contents that had no answer; everything else stays as it is.",
)

JOBS = [tag_dataset, tag_new_contents, ask_again]
