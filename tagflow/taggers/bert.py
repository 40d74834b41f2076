"""BERT tagger: a frozen encoder and one logistic regression a tag (one against the rest).

The encoder is the dataset's or a named one; what is learned are the weights on its vectors, so that it runs without a
graphics card. Tags that too few contents carry are left out and told.
"""

from typing import Annotated

import numpy as np
import polars as pl
from pydantic import Field

from tagflow.clues.holdout import draw_contents
from tagflow.confidence.one_against_rest import choose_tags, fit_logistic, mark_answers, tell_left_out
from tagflow.graph.insertion import embed_contents
from tagflow.graph.matching import list_found, take_best
from tagflow.materials import Materials, list_annotations, shape_scored
from tagflow.schemas import TAGGED_OUTPUT

NEEDS = ("annotations",)

SCORED = TAGGED_OUTPUT.tables["scored_candidates"]


def tag(
    contents: pl.DataFrame,
    materials: Materials,
    *,
    model: str | None = None,
    strength: Annotated[float, Field(gt=0)] = 0.1,
    min_positives: Annotated[int, Field(ge=1)] = 5,
    most_tags: Annotated[int, Field(ge=1)] = 300,
    most_contents: Annotated[int, Field(ge=1)] = 8_000,
    top_k: Annotated[int, Field(ge=1)] = 20,
) -> pl.DataFrame:
    """Return the ``scored_candidates``, best first, ties by use; confidence is the tag's own logistic probability.

    Args:
        contents: to tag.
        materials: what may be used.
        model: encoder, a folder or hub name; the dataset's.
        strength: of the penalty on the weights (ours: unit vectors need large weights).
        min_positives: annotated contents below which a tag is left out (ours).
        most_tags: the most used tags, for which it is fitted (ours: a minute).
        most_contents: annotated contents it is fitted on, drawn by the hash of their ids (ours: a minute).
        top_k: tags of a content at most (ours: as many as the candidates of LLM4Tag §4.3).
    """
    right = list_annotations(materials)
    chosen = choose_tags(right, min_positives, most_tags)
    if left_out := tell_left_out(right, chosen, min_positives, most_tags):
        materials.say(f"bert: {left_out}")
    if not len(contents) or not len(chosen):
        return SCORED.empty()
    encoder = materials.encoder if model is None else materials.find_encoder(model)
    taught = draw_contents(
        materials.taught.join(right, on="content_id", how="semi", maintain_order="left"), most_contents
    )
    answers = mark_answers(right, taught["content_id"], chosen["tag_id"]).toarray()
    weights, biases = fit_logistic(embed_contents(taught, encoder), answers, strength)
    scores = embed_contents(contents, encoder) @ weights + biases
    odds = (1 / (1 + np.exp(-scores.astype(np.float64)))).astype(np.float32)
    found = list_found(contents["content_id"], chosen["tag_id"], *take_best(odds, top_k))
    return shape_scored(
        found,
        materials,
        "classifier",
        pl.format("its meaning, as contents with this tag have it: {} of 1", pl.col("score").round(2)),
    )
