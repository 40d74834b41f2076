"""TagGPT's selective tagger: match each clue early, then select among the candidates (arXiv 2304.03022 §2.2.2)."""

from typing import Annotated

import numpy as np
import polars as pl
from pydantic import Field

from tagflow.confidence.evidence import explain_cosine
from tagflow.confidence.features import add_features
from tagflow.graph.edges import link_similar
from tagflow.materials import Materials
from tagflow.schemas import TAGGED_OUTPUT


def tag(
    contents: pl.DataFrame,
    materials: Materials,
    *,
    per_clue: Annotated[int, Field(ge=1)] = 10,
    clue_characters: Annotated[int, Field(ge=1)] = 100,
    rerank: bool = False,
) -> pl.DataFrame:
    """Return the ``scored_candidates``: the tags nearest to each clue, as the tag model selects among them.

    Confidence and ``votes`` are the tag model's choice: the share of a language model's answers that took the tag.

    Args:
        contents: to tag.
        materials: what may be used.
        per_clue: tags nearest to each field that are candidates (released code); of several fields the union.
        clue_characters: characters of a field that are read (released code).
        rerank: whether a language model puts the tags it chose into order, one question a content; the confidence falls
            with the place.
    """
    clues = contents.select("content_id", "clues").explode("clues").drop_nulls().unnest("clues")
    vectors = materials.encoder.encode(clues["text"].str.slice(0, clue_characters).to_list())
    found = materials.build_index(materials.space.tag_vectors).search(vectors, per_clue)
    rows = pl.Series(np.arange(len(clues))).cast(pl.String)
    edges = link_similar(rows, found, materials.space.tags["node"], "tag", threshold=-1.0, most=per_clue)
    pairs = (
        edges.select(pl.col("content_id").cast(pl.Int64).alias("row"), tag_id="target")
        .join(clues.with_row_index("row").cast({"row": pl.Int64}), on="row", maintain_order="left")
        .select("content_id", "tag_id", human=pl.lit(0.0), machine=pl.lit(0.0))
        .unique(["content_id", "tag_id"], maintain_order=True)
    )
    texts = contents.select("content_id", "text")
    featured = add_features(pairs, texts, materials.tagset, materials.deterministic, materials.space)
    brain = materials.tag_model
    chosen = brain.select(featured, contents)
    named = (
        (brain.rerank(chosen, contents) if rerank else chosen)
        .join(materials.tagset.select("tag_id", "tag"), on="tag_id", maintain_order="left")
        .with_columns(
            confidence="choice",
            votes="choice",
            path=pl.lit("early matching"),
            neighbours=pl.lit([], dtype=pl.List(pl.String)),
            evidence=pl.format("near to one of the clues; {}", explain_cosine(pl.col("cosine"))),
        )
    )
    return TAGGED_OUTPUT.tables["scored_candidates"].shape(named)
