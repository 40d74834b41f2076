"""Match: the tags nearest to the content in the encoder's space (the BGE, GTE and CONAN rows of LLM4Tag's Table 1)."""

import polars as pl

from tagflow.confidence.evidence import explain_cosine
from tagflow.graph.edges import link_similar
from tagflow.graph.insertion import embed_contents
from tagflow.materials import Materials
from tagflow.schemas import TAGGED_OUTPUT


def tag(contents: pl.DataFrame, materials: Materials) -> pl.DataFrame:
    """Return the ``scored_candidates``: as many tags as graph recall may give, by cosine; confidence is the cosine."""
    graph = materials.settings.graph
    space = materials.space
    most = graph.c2t + graph.c2c2t
    found = materials.build_index(space.tag_vectors).search(embed_contents(contents, materials.encoder), most)
    edges = link_similar(contents["content_id"], found, space.tags["node"], "tag", threshold=-1.0, most=most)
    scored = edges.join(materials.tagset.select(target="tag_id", tag="tag"), on="target", maintain_order="left").select(
        "content_id",
        tag_id="target",
        tag="tag",
        confidence=pl.col("weight").clip(0, 1),
        path=pl.lit("C2T"),
        neighbours=pl.lit([], dtype=pl.List(pl.String)),
        votes=pl.lit(0.0),
        evidence=explain_cosine(pl.col("weight")),
    )
    return TAGGED_OUTPUT.tables["scored_candidates"].shape(scored)
