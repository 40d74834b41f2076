"""Zero-shot: a language model picks from the list of tags, without examples (Wang et al. 2023, arXiv 2312.01044).

The paper shows every class; a tag set that is too long for that is cut to the nearest tags, and the path says so. An
answer that says nothing usable is counted and fails the content (the paper's U/E rate), it never becomes a tag.
"""

from typing import Annotated

import polars as pl
from pydantic import Field

from tagflow.materials import Materials, find_nearest, shape_scored
from tagflow.schemas import TAGGED_OUTPUT
from tagflow.tagmodels.candidates import enquire_numbers, list_tags, quote, score_places

NEEDS = ("language model",)
VARIANTS = {"chain of thought": {"cot": True}}


def tag(
    contents: pl.DataFrame,
    materials: Materials,
    *,
    cot: bool = False,
    candidates: Annotated[int, Field(ge=1)] = 50,
    most: Annotated[int, Field(ge=1)] = 10,
) -> pl.DataFrame:
    """Return the ``scored_candidates``: the tags that the model picks; confidence falls from 1 with its order.

    Args:
        contents: to tag.
        materials: what may be used.
        cot: whether the model says what it thinks before it picks.
        candidates: tags shown; of a longer tag set the nearest ones (ours).
        most: tags picked at most (ours).
    """
    interview = materials.interview
    if interview is None or not len(contents) or not len(materials.tagset):
        return TAGGED_OUTPUT.tables["scored_candidates"].empty()
    shown = list_tags(interview, find_nearest(contents, materials, candidates), contents)
    reasons = ("reasoning",) if cot else ()
    enquiries = enquire_numbers(interview, contents, shown, most=most, reasons=reasons)
    picked = score_places(interview.ask("choose", enquiries), shown)
    path = "whole tag set" if len(materials.tagset) <= candidates else "nearest tags"
    return shape_scored(picked, materials, path, pl.lit("picked from the list") + quote(pl.col("reasoning"), "because"))
