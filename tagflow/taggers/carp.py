"""CARP: clues, then reasoning, then tags (Sun et al. 2023, arXiv 2305.08377).

With ``shots``, contents like this one stand before it as demonstrations, the most alike last. Their clues and reasoning
the model gave itself, told their tags; the journal keeps them, so that each is paid for once. One without an answer is
shown without clues. Candidates are the nearest tags. Several answers vote (``votes``); one that cannot be read votes
for nothing, and is never replaced by chance.
"""

from typing import Annotated, Any

import polars as pl
from pydantic import Field

from tagflow.calls import OUTCOMES
from tagflow.materials import Materials, find_nearest, shape_scored
from tagflow.prompts.method_answers import TEXT, make_answer, read_clues
from tagflow.prompts.rendering import list_candidates
from tagflow.schemas import TAGGED_OUTPUT
from tagflow.tagmodels.candidates import (
    FORM_TOKENS,
    REASON_TOKENS,
    enquire_numbers,
    find_samples,
    list_tags,
    quote,
    score_places,
)
from tagflow.tagmodels.interview import Enquiry, Interview, describe_sample

NEEDS = ("language model",)
VARIANTS = {"zero-shot": {"shots": 0}}


def tag(
    contents: pl.DataFrame,
    materials: Materials,
    *,
    shots: Annotated[int, Field(ge=0)] = 4,
    votes: Annotated[int, Field(ge=1)] = 1,
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7,
    candidates: Annotated[int, Field(ge=1)] = 20,
    most: Annotated[int, Field(ge=1)] = 10,
) -> pl.DataFrame:
    """Return the ``scored_candidates``: the tags the model reasons to, its clues as evidence.

    Confidence is the mean over the votes of 1 for the first place, falling with the model's order.

    Args:
        contents: to tag.
        materials: what may be used.
        shots: demonstrations (the paper has 16; ours: the context of common local servers).
        votes: answers drawn.
        temperature: of several answers (released code); a single one is the likeliest.
        candidates: tags shown, the nearest (LLM4Tag §4.3).
        most: tags picked at most (ours).
    """
    interview = materials.interview
    if interview is None or not len(contents) or not len(materials.tagset):
        return TAGGED_OUTPUT.tables["scored_candidates"].empty()
    shown = list_tags(interview, find_nearest(contents, materials, candidates), contents)
    samples = _demonstrate(interview, contents, shots)
    enquiries = enquire_numbers(interview, contents, shown, most=most, reasons=("clues", "reasoning"), samples=samples)
    drawn: dict[str, Any] = {"samples": votes, "temperature": temperature} if votes > 1 else {}
    told = score_places(interview.ask("carp", enquiries, **drawn), shown, votes)
    evidence = pl.lit("reasoned from clues") + quote(pl.col("clues"), "clues") + quote(pl.col("reasoning"), "so")
    return shape_scored(told, materials, "nearest tags", evidence)


def _demonstrate(interview: Interview, contents: pl.DataFrame, shots: int) -> dict[str, list[dict[str, Any]]]:
    """The samples of each content with clues and reasoning; those of one neighbour are asked for once."""
    near = find_samples(interview, contents, shots) if shots else {}
    tags = {neighbour: right for samples in near.values() for neighbour, right in samples}
    known = interview.knowledge.contents.filter(pl.col("content_id").is_in(list(tags)))
    clues = interview.see(known)
    enquiries = [
        Enquiry(
            key=neighbour,
            content_id=neighbour,
            clues=clues[neighbour],
            read=read_clues,
            schema=make_answer(clues=TEXT, reasoning=TEXT),
            max_tokens=FORM_TOKENS + 2 * REASON_TOKENS,
            slots={"candidates": list_candidates(right)},
        )
        for neighbour, right in sorted(tags.items())
        if clues.get(neighbour)
    ]
    because = interview.ask("carp_clues", enquiries, forgive=OUTCOMES).values
    return {
        content_id: [
            describe_sample(interview, clues[neighbour], right, because[neighbour][0] if neighbour in because else None)
            for neighbour, right in samples
            if clues.get(neighbour)
        ]
        for content_id, samples in near.items()
    }
