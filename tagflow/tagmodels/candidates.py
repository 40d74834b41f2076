"""Numbered candidates of a method's own question, and the samples shown with it."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from tagflow.knowledge.injection import retrieve_samples
from tagflow.ports import Vectors
from tagflow.prompts.method_answers import (
    TEXT,
    Reasoned,
    list_numbers,
    list_texts,
    make_answer,
    read_names,
    read_numbers,
)
from tagflow.prompts.rendering import list_candidates
from tagflow.tagmodels.interview import Asked, Enquiry, Interview

NAME_TOKENS = 12  # ours: of a tag in an answer
NUMBER_TOKENS = 4  # ours: of a number in an answer
FORM_TOKENS = 64  # ours: of what stands around a list in an answer
REASON_TOKENS = 300  # CARP's released code lets clues and reasoning have 130 words, about 200 tokens; ours


class Candidates(NamedTuple):
    """The candidates of each content, in the order of their numbers, and how a tag is shown."""

    tag_ids: Mapping[str, list[str]]
    names: Mapping[str, list[str]]
    definitions: Mapping[str, str]


def list_tags(interview: Interview, pairs: pl.DataFrame, contents: pl.DataFrame) -> Candidates:
    """Return the candidates that may be shown, in the order of the pairs (content_id, tag_id)."""
    allowed = interview.keep_allowed(pairs, contents)
    grouped = allowed.group_by("content_id", maintain_order=True).agg("tag_id")
    tagset = interview.knowledge.tagset
    names = {tag_id: [tag, *aliases] for tag_id, tag, aliases in tagset.select("tag_id", "tag", "aliases").rows()}
    definitions = dict(tagset.select("tag_id", "description").drop_nulls().iter_rows())
    return Candidates(dict(grouped.iter_rows()), names, definitions)


def enquire_numbers(
    interview: Interview,
    contents: pl.DataFrame,
    candidates: Candidates,
    *,
    most: int,
    reasons: Sequence[str] = (),
    samples: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> list[Enquiry[Reasoned]]:
    """Return one question a content: which numbers of its candidates fit, by content id.

    A content without candidates is not asked about.

    Args:
        interview: whose limits hold.
        contents: ``raw_clues`` columns.
        candidates: of the contents.
        most: numbers at most; one for a dataset with a single tag a content.
        reasons: texts that the answer holds before the numbers: clues, reasoning.
        samples: shown with each content, the least important first.
    """
    most = 1 if interview.single else most
    enquiries = []
    limits = interview.writer.limits
    for content_id, clues in interview.see(contents).items():
        tag_ids = candidates.tag_ids.get(content_id, [])
        if not tag_ids:
            continue
        names = [candidates.names[tag_id] for tag_id in tag_ids]
        known = [place for place, tag_id in enumerate(tag_ids) if tag_id in candidates.definitions]
        told = {
            place: interview.writer.clip(candidates.definitions[tag_ids[place]])
            for place in known[: limits.definitions]
        }
        fields = {**dict.fromkeys(reasons, TEXT), "numbers": list_numbers(len(tag_ids), most)}
        enquiries.append(
            Enquiry(
                key=content_id,
                content_id=content_id,
                clues=clues,
                read=partial(read_numbers, names, most),
                schema=make_answer(**fields),
                max_tokens=most * NUMBER_TOKENS + FORM_TOKENS + REASON_TOKENS * len(reasons),
                slots={
                    "candidates": list_candidates([own[0] for own in names], told),
                    "most": most,
                    "reason": bool(reasons),
                    "samples": list((samples or {}).get(content_id, ())),
                },
            )
        )
    return enquiries


def score_places(answered: Asked[Reasoned], candidates: Candidates, asked: int = 1) -> pl.DataFrame:
    """Return the chosen tags: content_id, tag_id, score, votes, clues, reasoning; best first, ties by number.

    ``votes`` is the share of the answers asked for that chose the tag. The score is the mean over them of 1 for the
    first place, falling by equal steps with each place, and 0 where the tag was not chosen.

    Args:
        answered: the answers, by content.
        candidates: of the contents.
        asked: answers asked for; one that could not be read votes for nothing.
    """
    rows = []
    for content_id, answers in answered.values.items():
        tag_ids = candidates.tag_ids[str(content_id)]
        for answer in answers:
            for step, place in enumerate(answer.places):
                rows.append(
                    (content_id, tag_ids[place], place, 1 - step / len(tag_ids), answer.clues, answer.reasoning)
                )
    schema = {
        "content_id": pl.String,
        "tag_id": pl.String,
        "place": pl.Int64,
        "score": pl.Float64,
        "clues": pl.String,
        "reasoning": pl.String,
    }
    return (
        pl.DataFrame(rows, schema=schema, orient="row")
        .group_by("content_id", "tag_id", maintain_order=True)
        .agg(
            pl.col("place").first(),
            score=pl.col("score").sum() / asked,
            votes=pl.len() / asked,
            clues=pl.col("clues").first(),
            reasoning=pl.col("reasoning").first(),
        )
        .sort("content_id", -pl.col("score"), "place")
        .drop("place")
    )


def rank_chosen(listed: pl.DataFrame, chosen: pl.DataFrame, order: str) -> pl.DataFrame:
    """Return the listed tags, those that were chosen first, the others behind them as they were listed.

    The score falls by equal steps from 1 for the first place of a content; ``votes`` is 1 for a chosen tag.

    Args:
        listed: content_id, tag_id, the column that says their order, and whatever else is known.
        chosen: content_id, tag_id and score (see ``score_places``).
        order: column of ``listed``, ascending.
    """
    first = chosen.select("content_id", "tag_id", first="score")
    whole = listed.join(first, on=["content_id", "tag_id"], how="left", maintain_order="left")
    placed = whole.sort("content_id", -pl.col("first").fill_null(-1.0), order)
    return placed.select(
        pl.exclude("first"),
        score=1 - pl.int_range(pl.len()).over("content_id") / pl.len().over("content_id"),
        votes=pl.col("first").is_not_null().cast(pl.Float64),
    )


def quote(text: pl.Expr, before: str) -> pl.Expr:
    """Return a model's words as evidence, or nothing where it gave none."""
    return pl.when(text == "").then(pl.lit("")).otherwise(pl.format(f"; {before}: {{}}", text))


def find_samples(interview: Interview, contents: pl.DataFrame, most: int) -> dict[str, list[tuple[str, list[str]]]]:
    """Return the annotated contents like each content with their tags' names, the most alike last.

    None says the same as the content, and none is held out.
    """
    found = retrieve_samples(interview.knowledge, contents, most).filter(pl.col("right").list.len() > 0)
    samples: dict[str, list[tuple[str, list[str]]]] = {}
    for content_id, neighbour, right, _ in found.rows():
        samples.setdefault(content_id, []).insert(0, (neighbour, right))
    return samples


def pick_diverse(vectors: Vectors, most: int) -> list[int]:
    """Return rows that cover the space: the one nearest to the middle, then each time the farthest from those picked.

    Greedy k-centre (Gonzalez 1985); ties by row.
    """
    if not len(vectors):
        return []
    picked = [int(np.argmax(vectors @ vectors.mean(axis=0)))]
    nearest = vectors @ vectors[picked[0]]
    while len(picked) < min(most, len(vectors)):
        nearest[picked] = np.inf
        picked.append(int(np.argmin(nearest)))
        nearest = np.maximum(nearest, vectors @ vectors[picked[-1]])
    return picked


def enquire_tags(
    interview: Interview,
    contents: pl.DataFrame,
    most: int,
    *,
    reason: bool = False,
    style: str = "",
    samples: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> list[Enquiry[tuple[str, ...]]]:
    """Return one question a content: which tags, in its own words, fit it; by content id.

    Args:
        interview: whose limits hold.
        contents: ``raw_clues`` columns.
        most: tags at most.
        reason: whether the model says what it thinks first.
        style: as whom it answers; see the template.
        samples: shown with each content, the least important first.
    """
    fields = {**({"reasoning": TEXT} if reason else {}), "tags": list_texts(most)}
    return [
        Enquiry(
            key=content_id,
            content_id=content_id,
            clues=clues,
            read=partial(read_names, most),
            schema=make_answer(**fields),
            max_tokens=most * NAME_TOKENS + FORM_TOKENS + REASON_TOKENS * reason,
            slots={
                "most": most,
                "reason": reason,
                "style": style,
                "samples": list((samples or {}).get(content_id, ())),
            },
        )
        for content_id, clues in interview.see(contents).items()
    ]
