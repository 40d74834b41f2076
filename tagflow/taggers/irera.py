"""Infer, retrieve, rank (D'Oosterlinck et al. 2024, arXiv 2401.12178).

The model thinks and names tags in its own words; every tag of the tag set gets its best cosine to any of them, weighed
by how common the tag is; the model thinks again and picks from the first of them by number. What it does not pick
follows in retrieved order. Numbers in the place of names, so that a comma in a tag breaks nothing.
"""

from typing import Annotated

import numpy as np
import polars as pl
from pydantic import Field

from tagflow.graph.matching import list_found, take_best
from tagflow.materials import Materials, list_annotations, shape_scored
from tagflow.schemas import TAGGED_OUTPUT
from tagflow.tagmodels.candidates import enquire_numbers, enquire_tags, list_tags, rank_chosen, score_places
from tagflow.tagset.normalisation import tag_text

NEEDS = ("language model",)


def tag(
    contents: pl.DataFrame,
    materials: Materials,
    *,
    inferred: Annotated[int, Field(ge=1)] = 10,
    options: Annotated[int, Field(ge=1)] = 50,
    most: Annotated[int, Field(ge=1)] = 10,
    prior: Annotated[float, Field(ge=0)] = 0.0,
) -> pl.DataFrame:
    """Return the ``scored_candidates``: the picked tags, then the other options; confidence falls by place.

    Args:
        contents: to tag.
        materials: what may be used.
        inferred: tags that the model names (ours).
        options: tags shown when ranking (paper).
        most: tags picked at most (paper).
        prior: A of the factor ln(A · share of annotated contents with the tag + e); 0 leaves the cosine alone.
    """
    interview = materials.interview
    if interview is None or not len(contents) or not len(materials.tagset):
        return TAGGED_OUTPUT.tables["scored_candidates"].empty()
    said = interview.ask("generate", enquire_tags(interview, contents, inferred, reason=True)).values
    told = contents.filter(pl.col("content_id").is_in([str(key) for key in said]))
    retrieved = _retrieve({str(key): values[0] for key, values in said.items()}, told, materials, options, prior)
    shown = list_tags(interview, retrieved, told)
    enquiries = enquire_numbers(interview, told, shown, most=most, reasons=("reasoning",))
    answered = interview.ask("choose", enquiries)
    picked = score_places(answered, shown)
    told_of = retrieved.filter(pl.col("content_id").is_in([str(key) for key in answered.values]))
    scored = rank_chosen(told_of, picked, "place")
    how = pl.when(pl.col("votes") > 0).then(pl.lit("picked by number")).otherwise(pl.lit("retrieved, not picked"))
    evidence = pl.format("{}; as near as {} to what the model inferred", how, pl.col("cosine").round(2))
    return shape_scored(scored, materials, "inferred tags", evidence)


def _retrieve(
    said: dict[str, tuple[str, ...]], contents: pl.DataFrame, materials: Materials, options: int, prior: float
) -> pl.DataFrame:
    """The options of each content with place and cosine: the best cosine to any inferred tag, weighed by use."""
    texts = pl.Series([*dict.fromkeys(name for names in said.values() for name in names)], dtype=pl.String)
    vectors = materials.encoder.encode(texts.to_frame("tag").select(tag_text(pl.col("tag"))).to_series().to_list())
    rows = {text: row for row, text in enumerate(texts)}
    annotated = list_annotations(materials)
    uses = materials.space.tags.join(annotated, left_on="node", right_on="tag_id", how="left", maintain_order="left")
    counted = uses.group_by("node", maintain_order=True).agg(uses=pl.col("content_id").count())["uses"].to_numpy()
    share = counted / max(annotated["content_id"].n_unique(), 1)
    weight = np.log(prior * share + np.e).astype(np.float32)
    parts = []
    for content_id in contents["content_id"]:
        own = vectors[[rows[name] for name in said[content_id]]]
        if not len(own):
            continue
        cosines = (own @ materials.space.tag_vectors.T).max(axis=0)
        columns, scores = take_best((cosines * weight)[None], options)
        found = list_found(pl.Series([content_id]), materials.space.tags["node"], columns, scores)
        parts.append(found.with_columns(cosine=pl.Series(cosines[columns[0]].astype(np.float64))))
    schema = {"content_id": pl.String, "tag_id": pl.String, "score": pl.Float64, "cosine": pl.Float64}
    whole = pl.concat([pl.DataFrame(schema=schema), *parts])
    return whole.drop("score").with_columns(place=pl.int_range(pl.len()).over("content_id"))
