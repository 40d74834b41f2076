"""ICXML: demonstrations that the model makes up itself, then generate, map and rerank (Zhu & Zamani 2023, 2311.09649).

Nothing annotated is needed. Demonstrations are made in one of two ways: ``contents``, the model writes titles like this
content and the nearest tags of each become its tags; ``labels``, it writes a title for each of the nearest tags of the
content, and tags of one title stand together. With them before its eyes it names tags for the content; each name
becomes the nearest tags, merged round-robin by rank; last, the model puts the merged list into order by number. Where
that answer stays unusable after one more try, the merged order stands.
"""

from functools import partial
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import Field

from tagflow.materials import Materials, find_nearest, match_said, shape_scored
from tagflow.prompts.method_answers import list_texts, make_answer, read_titles
from tagflow.prompts.rendering import list_candidates
from tagflow.schemas import TAGGED_OUTPUT
from tagflow.tagmodels.candidates import (
    FORM_TOKENS,
    enquire_numbers,
    enquire_tags,
    list_tags,
    rank_chosen,
    score_places,
)
from tagflow.tagmodels.interview import Enquiry, Interview, describe_sample

NEEDS = ("language model",)
VARIANTS = {"by labels": {"demonstrations": "labels"}}

TITLE_TOKENS = 40  # ours: of a title in an answer
SHOWN = 10  # released code: demonstrations in the prompt


def tag(
    contents: pl.DataFrame,
    materials: Materials,
    *,
    demonstrations: Literal["contents", "labels"] = "contents",
    titles: Annotated[int, Field(ge=1)] = 5,
    labels: Annotated[int, Field(ge=1)] = 30,
    generated: Annotated[int, Field(ge=1)] = 10,
    mapped: Annotated[int, Field(ge=1)] = 10,
    candidates: Annotated[int, Field(ge=1)] = 30,
    most: Annotated[int, Field(ge=1)] = 10,
) -> pl.DataFrame:
    """Return the ``scored_candidates``: the reranked tags, then the others in merged order; confidence falls by place.

    Args:
        contents: to tag.
        materials: what may be used.
        demonstrations: how they are made.
        titles: contents: titles that the model writes (paper: at least 5).
        labels: labels: nearest tags that it writes a title for (paper).
        generated: tags that it names for the content (paper: at least 10).
        mapped: nearest tags of each name (released code).
        candidates: of the merged list that are put into order (ours).
        most: places that the model gives (released code).
    """
    interview = materials.interview
    if interview is None or not len(contents) or not len(materials.tagset):
        return TAGGED_OUTPUT.tables["scored_candidates"].empty()
    samples = (
        _imagine_contents(interview, contents, materials, titles)
        if demonstrations == "contents"
        else _imagine_labels(interview, contents, materials, labels)
    )
    told = contents.filter(pl.col("content_id").is_in(list(samples)))
    named = interview.ask("generate", enquire_tags(interview, told, generated, samples=samples))
    said = pl.DataFrame(
        [
            (content_id, place, name)
            for content_id, values in named.values.items()
            for place, name in enumerate(values[0])
        ],
        schema={"content_id": pl.String, "name": pl.Int64, "said": pl.String},
        orient="row",
    )
    merged = merge_in_turn(match_said(said, materials, threshold=-1.0, nearest=mapped), candidates)
    shown = list_tags(interview, merged, told)
    enquiries = enquire_numbers(interview, told, shown, most=most)
    answered = interview.ask("choose", enquiries, forgive=("unusable",))
    ordered = score_places(answered, shown)
    scored = rank_chosen(merged.filter(~pl.col("content_id").is_in(list(answered.failed))), ordered, "turn")
    how = pl.when(pl.col("votes") > 0).then(pl.lit("put into order by number")).otherwise(pl.lit("merged order"))
    return shape_scored(scored, materials, "late matching", pl.format('named as "{}"; {}', pl.col("said"), how))


def merge_in_turn(matched: pl.DataFrame, most: int) -> pl.DataFrame:
    """Return each content's tags, merged round-robin: the nearest of every name, then the second nearest, and so on.

    Args:
        matched: content_id, name (place of the name), said, tag_id, the nearest of each name first.
        most: tags of a content.

    Returns:
        content_id, tag_id, said (the name that brought it first) and turn (from 0), in order.
    """
    ranked = matched.with_columns(rank=pl.int_range(pl.len()).over("content_id", "name"))
    once = ranked.sort("content_id", "rank", "name").unique(["content_id", "tag_id"], keep="first", maintain_order=True)
    turned = once.with_columns(turn=pl.int_range(pl.len()).over("content_id"))
    return turned.filter(pl.col("turn") < most).select("content_id", "tag_id", "said", "turn")


def _imagine_contents(
    interview: Interview, contents: pl.DataFrame, materials: Materials, titles: int
) -> dict[str, list[dict[str, Any]]]:
    """Titles like each content, each with its nearest tag names."""
    enquiries = _enquire(interview, contents, {}, titles, titles)
    values = interview.ask("imagine", enquiries).values
    made = {str(content_id): answers[0] for content_id, answers in values.items()}
    texts = pl.DataFrame({"text": [*dict.fromkeys(title for said in made.values() for title in said)]}).cast(pl.String)
    near = find_nearest(texts.with_columns(content_id="text"), materials, SHOWN_TAGS)
    tags = _name_tags(near.rename({"content_id": "key"}), materials)
    return {
        content_id: [describe_sample(interview, [("title", title)], tags.get(title, [])) for title in said[:SHOWN]]
        for content_id, said in made.items()
    }


SHOWN_TAGS = 5  # ours: tags of a made-up content


def _imagine_labels(
    interview: Interview, contents: pl.DataFrame, materials: Materials, labels: int
) -> dict[str, list[dict[str, Any]]]:
    """A title for each of the nearest tags; tags whose titles are the same stand together."""
    near = find_nearest(contents, materials, labels)
    named = _name_tags(near.rename({"content_id": "key"}), materials)
    values = interview.ask("imagine", _enquire(interview, contents, named, 0, labels)).values
    samples: dict[str, list[dict[str, Any]]] = {}
    for content_id, answers in values.items():
        titled: dict[str, list[str]] = {}
        for name, title in zip(named[str(content_id)], answers[0], strict=False):
            titled.setdefault(title, []).append(name)
        said = [describe_sample(interview, [("title", title)], tags) for title, tags in titled.items()]
        samples[str(content_id)] = said[:SHOWN][::-1]  # the nearest tags last
    return samples


def _enquire(
    interview: Interview, contents: pl.DataFrame, named: dict[str, list[str]], least: int, most: int
) -> list[Enquiry[tuple[str, ...]]]:
    enquiries = []
    for content_id, clues in interview.see(contents).items():
        names = named.get(content_id, [])
        wanted = len(names) or most
        enquiries.append(
            Enquiry(
                key=content_id,
                content_id=content_id,
                clues=clues,
                read=partial(read_titles, max(least, len(names)), wanted),
                schema=make_answer(titles=list_texts(wanted)),
                max_tokens=wanted * TITLE_TOKENS + FORM_TOKENS,
                slots={"candidates": list_candidates(names), "most": wanted},
            )
        )
    return enquiries


def _name_tags(pairs: pl.DataFrame, materials: Materials) -> dict[str, list[str]]:
    named = pairs.join(materials.tagset.select("tag_id", "tag"), on="tag_id", maintain_order="left")
    return dict(named.group_by("key", maintain_order=True).agg("tag").iter_rows())
