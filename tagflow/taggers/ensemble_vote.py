"""Ensemble vote: several prompts name tags, the names are mapped and counted, the model rates each tag, both are added.

The pipeline of the German National Library's entry to SemEval-2025 task 5 (Kluge & Kähler): complete, map, summarise,
rank, combine. A rating is read as a number out of ten and shared by ten, whatever the other ratings are.
"""

from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from tagflow.materials import Materials, match_said, shape_scored
from tagflow.prompts.method_answers import make_answer, read_rating
from tagflow.prompts.rendering import list_candidates
from tagflow.schemas import TAGGED_OUTPUT
from tagflow.tagmodels.candidates import FORM_TOKENS, enquire_tags, find_samples
from tagflow.tagmodels.interview import Enquiry, describe_sample

NEEDS = ("language model",)
VARIANTS = {"one prompt": {"prompts": ["keywords"]}, "votes alone": {"rating": 0.0}}

Style = Literal["keywords", "librarian", "searcher"]

NUMBERS = {"type": "integer", "enum": [*range(11)]}


def tag(
    contents: pl.DataFrame,
    materials: Materials,
    *,
    prompts: Annotated[tuple[Style, ...], Field(min_length=1)] = ("keywords", "librarian", "searcher"),
    shots: Annotated[int, Field(ge=0)] = 3,
    generated: Annotated[int, Field(ge=1)] = 10,
    match: Annotated[float, Field(ge=-1, le=1)] | None = None,
    candidates: Annotated[int, Field(ge=1)] = 10,
    rating: Annotated[float, Field(ge=0, le=1)] = 0.7,
) -> pl.DataFrame:
    """Return the ``scored_candidates``: confidence is the mean of vote and rating, weighed by ``rating``.

    A tag's vote is the mean over the prompts of its best cosine to a name that the prompt gave; its rating is the
    model's own from 0 to 10, as a share.

    Args:
        contents: to tag.
        materials: what may be used.
        prompts: as whom the model names tags, once each.
        shots: annotated contents like this one that stand before it, where there are any (DNB: 8 to 12; ours).
        generated: tags that a prompt names at most (ours).
        match: least cosine of a name and its nearest tag; the encoder's threshold of late matching.
        candidates: tags of a content that are rated, by vote (ours).
        rating: weight of the rating; the vote has the rest (DNB: 0.7); with 0 nothing is rated.
    """
    interview = materials.interview
    if interview is None or not len(contents) or not len(materials.tagset):
        return TAGGED_OUTPUT.tables["scored_candidates"].empty()
    near = find_samples(interview, contents, shots) if shots else {}
    clues = interview.see(interview.knowledge.contents)
    samples = {
        content_id: [describe_sample(interview, clues[one], right) for one, right in found if clues.get(one)]
        for content_id, found in near.items()
    }
    rows: list[tuple[str, str, str]] = []
    failed: set[str] = set()
    for style in prompts:
        asked = enquire_tags(interview, contents, generated, style=style, samples=samples)
        named = interview.ask("generate", asked)
        failed |= named.failed
        rows += [(str(key), style, name) for key, values in named.values.items() for name in values[0]]
    schema = {"content_id": pl.String, "prompt": pl.String, "said": pl.String}
    said = pl.DataFrame(rows, schema=schema, orient="row").filter(~pl.col("content_id").is_in(list(failed)))
    threshold = materials.thresholds.match if match is None else match
    voted = count_votes(match_said(said, materials, threshold=threshold, nearest=1), len(prompts), candidates)
    told = contents.filter(pl.col("content_id").is_in(voted["content_id"].implode()))
    allowed = interview.keep_allowed(voted, told)
    if rating:
        allowed = _rate(allowed, told, materials).with_columns(
            score=(1 - rating) * pl.col("vote") + rating * pl.col("rated")
        )
        evidence = pl.format('named as "{}"; vote {}; rated {} of 10', "said", pl.col("vote").round(2), "points")
    else:
        allowed = allowed.with_columns(score="vote")
        evidence = pl.format('named as "{}"; vote {}', "said", pl.col("vote").round(2))
    scored = allowed.sort("content_id", -pl.col("score"), "tag_id")
    return shape_scored(scored, materials, "late matching", evidence)


def count_votes(matched: pl.DataFrame, prompts: int, most: int) -> pl.DataFrame:
    """Return each content's tags: content_id, tag_id, vote, votes, said; the highest vote first, ties by tag id.

    Args:
        matched: content_id, prompt, said, tag_id, cosine.
        prompts: number of prompts asked.
        most: tags of a content.
    """
    best = (
        matched.sort("content_id", "prompt", -pl.col("cosine"), "said")
        .unique(["content_id", "prompt", "tag_id"], keep="first", maintain_order=True)
        .group_by("content_id", "tag_id", maintain_order=True)
        .agg(
            vote=pl.col("cosine").clip(0, 1).sum() / prompts,
            votes=pl.len() / prompts,
            said=pl.col("said").sort_by("cosine", descending=True).first(),
        )
        .sort("content_id", -pl.col("vote"), "tag_id")
    )
    return best.group_by("content_id", maintain_order=True).head(most)


def _rate(pairs: pl.DataFrame, contents: pl.DataFrame, materials: Materials) -> pl.DataFrame:
    """The pairs with the model's rating; a content with a tag that it did not rate has no row."""
    interview = materials.interview
    assert interview is not None
    seen = interview.see(contents)
    tags = {
        tag_id: (name, told) for tag_id, name, told in materials.tagset.select("tag_id", "tag", "description").rows()
    }
    enquiries = []
    for content_id, tag_id in pairs.select("content_id", "tag_id").rows():
        name, told = tags[tag_id]
        definition = {0: interview.writer.clip(told)} if told else {}
        enquiries.append(
            Enquiry(
                key=(content_id, tag_id),
                content_id=content_id,
                clues=seen[content_id],
                read=read_rating,
                schema=make_answer(rating=NUMBERS),
                max_tokens=FORM_TOKENS,
                slots={"candidates": list_candidates([name], definition)},
            )
        )
    rated = interview.ask("rate", enquiries)
    rows = [(key[0], key[1], values[0]) for key, values in rated.values.items() if isinstance(key, tuple)]
    schema = {"content_id": pl.String, "tag_id": pl.String, "rated": pl.Float64}
    told_of = pl.DataFrame(rows, schema=schema, orient="row").with_columns(points=(pl.col("rated") * 10).round(1))
    whole = pairs.join(told_of, on=["content_id", "tag_id"], how="inner", maintain_order="left")
    return whole.filter(~pl.col("content_id").is_in(list(rated.failed)))
