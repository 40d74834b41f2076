"""Embedding match: the tags nearest to the content in an encoder's space (the BGE, GTE and CONAN rows of LLM4Tag).

Any sentence-transformers model: the dataset's encoder, or one named by its folder or hub name, with the prefixes that
it was trained with (``query: `` and ``passage: `` for E5, for instance); how it pools is said in the model's own files.
A tag is as near as its nearest name: what it is called, with its description, or one of its aliases.
"""

from collections.abc import Callable
from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from tagflow.clues.conversion import has_text
from tagflow.clues.holdout import draw_contents
from tagflow.confidence.evidence import explain_cosine
from tagflow.graph.insertion import embed_contents
from tagflow.graph.matching import list_found
from tagflow.materials import Materials, list_annotations, shape_scored
from tagflow.ports import Encoder, Neighbours, Vectors
from tagflow.tagset.normalisation import tag_text

ALIASES = ("match",)
VARIANTS = {"tuned threshold": {"threshold": "tuned"}}

TUNED_ON = 2000  # ours: annotated contents on which a threshold is tuned; more move it in the third digit only


def tag(
    contents: pl.DataFrame,
    materials: Materials,
    *,
    model: str | None = None,
    query_prefix: str = "",
    tag_prefix: str = "",
    top_k: Annotated[int, Field(ge=1)] | None = None,
    threshold: Annotated[float, Field(ge=-1, le=1)] | Literal["tuned"] = -1.0,
) -> pl.DataFrame:
    """Return the ``scored_candidates``: the tags nearest to each content; confidence is the cosine.

    Args:
        contents: to tag.
        materials: what may be used.
        model: a folder or hub name; the dataset's encoder.
        query_prefix: put before a content's text.
        tag_prefix: put before a tag's name.
        top_k: tags of a content at most; as many as graph recall may give.
        threshold: least cosine; tuned: where F1 on annotated contents outside the test split is best.
    """
    graph = materials.settings.graph
    most = graph.c2t + graph.c2c2t if top_k is None else top_k
    encoder = materials.encoder if model is None else materials.find_encoder(model)
    names, vectors = _embed_names(materials, encoder, tag_prefix)
    index = materials.build_index(vectors)

    def search(asked: pl.DataFrame) -> pl.DataFrame:
        return _search(asked["content_id"], _embed(asked, encoder, query_prefix), names, index, most)

    found = search(contents)
    if threshold == "tuned":
        threshold = _tune(materials, search)
    near = found.filter(pl.col("cosine") >= threshold)
    return shape_scored(near.with_columns(score="cosine"), materials, "C2T", explain_cosine(pl.col("cosine")))


def _embed(contents: pl.DataFrame, encoder: Encoder, prefix: str) -> Vectors:
    said = pl.when(has_text()).then(pl.lit(prefix) + pl.col("text")).otherwise(pl.lit(""))
    return embed_contents(contents.with_columns(text=said), encoder)


def _embed_names(materials: Materials, encoder: Encoder, prefix: str) -> tuple[pl.Series, Vectors]:
    """The tag of each name, and the names' vectors: every tag's name with its description, then every alias."""
    tagset = materials.tagset
    whole = pl.concat_str([tag_text(pl.col("tag")), pl.col("description")], separator=". ", ignore_nulls=True)
    aliases = tagset.select("tag_id", alias="aliases").explode("alias").drop_nulls()
    names = pl.concat(
        [tagset.select("tag_id", text=whole), aliases.select("tag_id", text=tag_text(pl.col("alias")))]
    ).filter(pl.col("text") != "")
    return names["tag_id"], encoder.encode([prefix + text for text in names["text"]])


def _search(content_ids: pl.Series, queries: Vectors, names: pl.Series, index: Neighbours, most: int) -> pl.DataFrame:
    """The nearest tags of each content, nearest first, ties by tag id: content_id, tag_id, cosine."""
    if not len(names) or not len(content_ids):
        return pl.DataFrame(schema={"content_id": pl.String, "tag_id": pl.String, "cosine": pl.Float64})
    crowded = int(names.value_counts()["count"].max())  # type: ignore[arg-type]
    indices, cosines = index.search(queries, most * crowded)
    found = list_found(content_ids, names, indices, cosines).rename({"score": "cosine"})
    order = pl.DataFrame({"content_id": content_ids}).with_row_index("place")
    nearest = found.group_by("content_id", "tag_id", maintain_order=True).agg(pl.col("cosine").max())
    ranked = nearest.join(order, on="content_id").sort("place", -pl.col("cosine"), "tag_id").drop("place")
    return ranked.group_by("content_id", maintain_order=True).head(most)


def _tune(materials: Materials, search: Callable[[pl.DataFrame], pl.DataFrame]) -> float:
    """The cosine from which on F1 over the annotated contents' nearest tags is best, the lowest of equals."""
    right = list_annotations(materials)
    taught = materials.taught.join(right, on="content_id", how="semi", maintain_order="left")
    asked = draw_contents(taught, TUNED_ON)
    gold = right.join(asked, on="content_id", how="semi")
    found = search(asked).join(gold.with_columns(right=pl.lit(True)), on=["content_id", "tag_id"], how="left")
    cuts = (
        found.select("cosine", right=pl.col("right").fill_null(False))
        .group_by("cosine")
        .agg(pl.len(), pl.col("right").sum())
        .sort("cosine", descending=True)
        .with_columns(pl.col("len", "right").cum_sum())
        .with_columns(f1=2 * pl.col("right") / (pl.col("len") + len(gold)))
    )
    if not cuts["right"].sum():
        return -1.0
    return float(cuts.filter(pl.col("f1") == pl.col("f1").max())["cosine"].min())  # type: ignore[arg-type]
