"""LLM4TC: a language model used directly as a classifier (Chae & Davidson 2023; the LLM4TC row of LLM4Tag's Table 1).

``zero_shot`` shows the list alone; ``few_shot`` puts the same diverse annotated contents before every one (greedy
k-centre over their vectors); ``finetuned`` asks another model of the endpoint, tuned on such questions, by its name.
"""

from typing import Annotated, Any, Literal

import polars as pl
from pydantic import Field

from tagflow.errors import ConfigError
from tagflow.graph.insertion import embed_contents
from tagflow.materials import Materials, find_nearest, list_annotations, shape_scored
from tagflow.schemas import TAGGED_OUTPUT
from tagflow.tagmodels.candidates import enquire_numbers, list_tags, pick_diverse, score_places
from tagflow.tagmodels.interview import Interview, describe_sample

NEEDS = ("language model",)
VARIANTS = {"zero-shot": {"mode": "zero_shot"}}

SHOWN_TAGS = 8  # ours: tags of an example


def tag(
    contents: pl.DataFrame,
    materials: Materials,
    *,
    mode: Literal["zero_shot", "few_shot", "finetuned"] = "few_shot",
    model: str | None = None,
    shots: Annotated[int, Field(ge=1)] = 6,
    candidates: Annotated[int, Field(ge=1)] = 20,
    most: Annotated[int, Field(ge=1)] = 10,
) -> pl.DataFrame:
    """Return the ``scored_candidates``: the tags that the model picks; confidence falls from 1 with its order.

    Args:
        contents: to tag.
        materials: what may be used.
        mode: see above.
        model: the tuned model, as the endpoint lists it; needed for ``finetuned``.
        shots: few_shot: examples (ours).
        candidates: tags shown; of a longer tag set the nearest ones (LLM4Tag §4.3).
        most: tags picked at most (ours).

    Raises:
        ConfigError: mode is finetuned and no model is named, or the other way round.
    """
    if (mode == "finetuned") != (model is not None):
        raise ConfigError("llm4tc: the setting model names the tuned model of mode finetuned: set both, or neither.")
    interview = materials.interview
    if interview is None or not len(contents) or not len(materials.tagset):
        return TAGGED_OUTPUT.tables["scored_candidates"].empty()
    shown = list_tags(interview, find_nearest(contents, materials, candidates), contents)
    examples = _pick_examples(interview, materials, shots) if mode == "few_shot" else []
    samples = {content_id: examples for content_id in contents["content_id"]}
    enquiries = enquire_numbers(interview, contents, shown, most=most, samples=samples)
    picked = score_places(interview.ask("choose", enquiries, model=model), shown)
    return shape_scored(picked, materials, "nearest tags", pl.lit(f"picked from the list ({mode.replace('_', ' ')})"))


def _pick_examples(interview: Interview, materials: Materials, shots: int) -> list[dict[str, Any]]:
    right = list_annotations(materials).join(materials.tagset.select("tag_id", "tag"), on="tag_id")
    tags = right.sort("content_id", "tag").group_by("content_id", maintain_order=True).agg("tag")
    taught = materials.taught.join(tags, on="content_id", maintain_order="left")
    if taught.is_empty():
        return []
    picked = taught[pick_diverse(embed_contents(taught, materials.encoder), shots)]
    clues = interview.see(picked)
    return [
        describe_sample(interview, clues[content_id], names[:SHOWN_TAGS])
        for content_id, names in picked.select("content_id", "tag").rows()
        if clues[content_id]
    ]
