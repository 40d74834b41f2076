"""Growth: tags that tagflow applied become edges of their own that widen recall and nothing else (LLM4Tag §3.2).

LLM4Tag lets final tags return as deterministic edges, which also feeds mistakes back. Ours is made so that they cannot
feed themselves: a grown edge never votes before the judge, is no sample and no calibration point, makes no content a
neighbour, and only adds candidates that no other way of recall found; an answer that only growth recalled does not grow
again. So with growth the candidates are those without it and a few more, and all their figures are the same.
"""

from datetime import date, timedelta

import polars as pl

from tagflow.graph.edges import EDGE, GROWN, PEOPLE
from tagflow.schemas import CONTENT_TAG_GRAPH
from tagflow.settings import GraphSettings
from tagflow.tables import Tables

PAIR = ["content_id", "tag_id"]
SECOND_HAND = (GROWN, "reviewed")
"""Paths of answers that do not grow: brought by growth itself, or decided by a person, who has an edge already."""

NO_GROWTH = CONTENT_TAG_GRAPH.tables["grown"].empty()


def collect_answers(tagged: Tables, raw_clues: pl.DataFrame, tagset: pl.DataFrame) -> pl.DataFrame:
    """Return the answers of the last run that may become edges: in band apply, by a judge that was fitted.

    Contents of the test split, contents that changed since they were tagged and tags that are gone give none.

    Args:
        tagged: ``tagged_output`` as it stands.
        raw_clues: the contents as they are now.
        tagset: ``fused_tagset`` as it is now.

    Returns:
        content_id, tag_id, content_hash, confidence.
    """
    fit = raw_clues.filter(pl.col("split") == "fit").select("content_id", "content_hash")
    same = fit.join(tagged["content_status"], on=["content_id", "content_hash"], how="semi")
    first_hand = ~pl.col("path").is_in(SECOND_HAND) & ~pl.col("model").str.contains("uncalibrated", literal=True)
    return (
        tagged["tagged_output"]
        .filter((pl.col("band") == "apply") & first_hand)
        .join(tagset, on="tag_id", how="semi", maintain_order="left")
        .join(same, on="content_id", maintain_order="left")
        .select(*PAIR, "content_hash", "confidence")
    )


def grow_pairs(
    known: pl.DataFrame, answers: pl.DataFrame, history: pl.DataFrame, decided: pl.DataFrame, days: int, today: date
) -> pl.DataFrame:
    """Return the ``grown`` pairs that live: given again just now, or not long ago.

    A pair that people gave or decided is theirs and does not grow. A tag has no more grown edges than edges of people,
    the most confident ones, so that what people say of it is never outnumbered; a tag that nobody used has none.

    Args:
        known: ``grown`` as it stands.
        answers: see ``collect_answers``.
        history: the other deterministic edges.
        decided: content_id and tag_id of the corrections.
        days: how long a pair lives that is not given again.
        today: in UTC.
    """
    said = today.isoformat()
    given = answers.join(known.select(*PAIR, "since"), on=PAIR, how="left", maintain_order="left").with_columns(
        since=pl.col("since").fill_null(said), confirmed=pl.lit(said)
    )
    young = pl.col("confirmed") > (today - timedelta(days=days)).isoformat()
    waiting = known.filter(young).join(answers, on=PAIR, how="anti", maintain_order="left")
    people = history.filter(pl.col("origin").is_in(PEOPLE)).select("content_id", tag_id="target").unique()
    uses = people.group_by("tag_id").agg(uses=pl.len().cast(pl.Int64))
    alive = pl.concat([CONTENT_TAG_GRAPH.tables["grown"].shape(part) for part in (given, waiting)])
    return (
        alive.join(people, on=PAIR, how="anti")
        .join(decided, on=PAIR, how="anti")
        .join(uses, on="tag_id")
        .sort("tag_id", -pl.col("confidence"), "content_id")
        .filter(pl.int_range(pl.len()).over("tag_id") < pl.col("uses"))
        .select(known.columns)
        .sort(PAIR)
    )


def drop_stale(known: pl.DataFrame, raw_clues: pl.DataFrame, tagset: pl.DataFrame) -> pl.DataFrame:
    """Return the ``grown`` pairs whose content is unchanged, outside the test split, and whose tag there still is."""
    fit = raw_clues.filter(pl.col("split") == "fit")
    same = known.join(fit, on=["content_id", "content_hash"], how="semi", maintain_order="left")
    return same.join(tagset, on="tag_id", how="semi", maintain_order="left")


def link_grown(grown: pl.DataFrame, history: pl.DataFrame, settings: GraphSettings) -> pl.DataFrame:
    """Return the edges of grown pairs; the more often people use a tag, the lighter they are.

    The weight is ``grown_weight`` times the tag's inverse document frequency among people's contents, scaled to 1 for a
    tag used once and 0 for a tag on all of them: what is everywhere says little about a content and would otherwise
    grow fastest. Source: ours.
    """
    people = history.filter(pl.col("origin").is_in(PEOPLE))
    contents = people["content_id"].n_unique()
    uses = people.group_by("target").agg(uses=pl.col("content_id").n_unique())
    rarity = ((contents + 1) / (pl.col("uses") + 1)).log() / pl.lit((contents + 1) / 2).log()
    return (
        grown.join(uses, left_on="tag_id", right_on="target", maintain_order="left")
        .select(
            "content_id",
            target="tag_id",
            target_kind=pl.lit("tag"),
            kind=pl.lit("deterministic"),
            origin=pl.lit(GROWN),
            weight=settings.grown_weight * rarity.fill_nan(0.0),  # a single content of people: 0 / 0
        )
        .cast(EDGE)
    )
