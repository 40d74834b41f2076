"""TagGPT's selective tagger: match each clue early, then select among the candidates (arXiv 2304.03022 §2.2.2)."""

import numpy as np
import polars as pl

from tagflow.confidence.evidence import explain_cosine
from tagflow.confidence.features import add_features
from tagflow.graph.edges import link_similar
from tagflow.materials import Materials
from tagflow.schemas import TAGGED_OUTPUT

PER_CLUE = 10  # released code: 10 tags per clue
CLUE_CHARACTERS = 100  # released code: clues are cut to 100 characters


def tag(contents: pl.DataFrame, materials: Materials) -> pl.DataFrame:
    """Return the ``scored_candidates``: the tags nearest to each clue, as the tag model selects among them.

    Confidence and ``votes`` are the tag model's choice.
    """
    clues = contents.select("content_id", "clues").explode("clues").drop_nulls().unnest("clues")
    vectors = materials.encoder.encode(clues["text"].str.slice(0, CLUE_CHARACTERS).to_list())
    found = materials.build_index(materials.space.tag_vectors).search(vectors, PER_CLUE)
    rows = pl.Series(np.arange(len(clues))).cast(pl.String)
    edges = link_similar(rows, found, materials.space.tags["node"], "tag", threshold=-1.0, most=PER_CLUE)
    pairs = (
        edges.select(pl.col("content_id").cast(pl.Int64).alias("row"), tag_id="target")
        .join(clues.with_row_index("row").cast({"row": pl.Int64}), on="row", maintain_order="left")
        .select("content_id", "tag_id", human=pl.lit(0.0), machine=pl.lit(0.0))
        .unique(["content_id", "tag_id"], maintain_order=True)
    )
    texts = contents.select("content_id", "text")
    featured = add_features(pairs, texts, materials.tagset, materials.deterministic, materials.space)
    named = (
        materials.tag_model.select(featured, contents)
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
