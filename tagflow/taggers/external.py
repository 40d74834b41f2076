"""External: what another tagger said (HanLP and Azure vision in TagGPT §3.2), read from a file and mapped to tags.

The file lies beside dataset.yaml; see ``adapters/external_results.py`` for its lines.
"""

from typing import Annotated

import polars as pl
from pydantic import Field

from tagflow.graph.matching import explain_match
from tagflow.materials import Materials, match_said, shape_scored

NEEDS = ("external results",)


def tag(
    contents: pl.DataFrame,
    materials: Materials,
    *,
    file: str = "external.jsonl",
    match: Annotated[float, Field(ge=-1, le=1)] | None = None,
) -> pl.DataFrame:
    """Return the ``scored_candidates``: the tags that the other tagger's names stand for.

    Confidence is the best product of its own confidence and the cosine of name and tag.

    Args:
        contents: to tag.
        materials: what may be used.
        file: its results, a name beside dataset.yaml.
        match: least cosine where the spelling does not decide; the encoder's threshold of late matching.
    """
    said = materials.read_results(file).join(contents.select("content_id"), on="content_id", how="semi")
    threshold = materials.thresholds.match if match is None else match
    found = match_said(said, materials, threshold=threshold, nearest=1)
    best = (
        found.with_columns(score=pl.col("said_confidence") * pl.col("cosine"))
        .sort("content_id", -pl.col("score"), "tag_id", "said")
        .unique(["content_id", "tag_id"], keep="first", maintain_order=True)
        .with_columns(votes=pl.lit(1.0))
    )
    said_by = pl.format("{} says it with {}: {}", pl.lit(file), pl.col("said_confidence").round(2), explain_match())
    return shape_scored(best, materials, "external", said_by)
