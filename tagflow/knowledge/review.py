"""Which judged pairs are worth a person's look: uncertain, far-reaching and disputed ones first. Source: ours.

The value of a case is the product of three figures, each between ``LEAST`` and 1:

- uncertainty: entropy of the confidence, with its top of 1 at the threshold that decides whether the tag is applied;
- reach: how many contents the tag is assigned to, and how many contents resemble this one and would learn from it;
- dispute: how far the judge is from what people annotated, or how divided the ways of recall are.
"""

import math
from collections import Counter

import polars as pl

from tagflow.settings import TaggingSettings
from tagflow.tagset.browsing import first_line
from tagflow.tagset.normalisation import normalise
from tagflow.tagset.vocabulary import explode_labels

LEAST = 0.25  # ours: a case that has one of the three for it is still worth a quarter of one that has all
BY_PATHS = 0.5  # ours: ways of recall that differ say half as much as a person who differs
BY_LABEL = 0.5  # ours: a tag that a person gave was looked at once already; one that nobody gave may just be forgotten
PER_TAG = 3  # ours: the fourth case of a tag teaches less than the first of another
PER_CONTENT = 2  # ours: a person reads a text once
SHOWN_TEXT = 300  # ours: characters of a content's text that are shown

PAIR = ["content_id", "tag_id"]
CASE = pl.Schema(
    {
        "content_id": pl.String(),
        "first_line": pl.String(),
        "clue": pl.String(),
        "tag": pl.String(),
        "tag_id": pl.String(),
        "confidence": pl.Float64(),
        "band": pl.String(),
        "evidence": pl.String(),
        "why_asked": pl.String(),
        "decision": pl.String(),
        "comment": pl.String(),
    }
)
"""Columns of a review file; decision and comment are for the person to fill in."""


def value_cases(
    scored: pl.DataFrame,
    tagged: pl.DataFrame,
    raw_clues: pl.DataFrame,
    names: pl.DataFrame,
    edges: pl.DataFrame,
    settings: TaggingSettings,
    decided: pl.DataFrame,
) -> pl.DataFrame:
    """Return the judged pairs of contents outside the test split that nobody decided yet, the most valuable first.

    Ties go by content, then tag id. What is said of a held-out content teaches nothing, so it is not asked.

    Args:
        scored: ``scored_candidates``.
        tagged: ``tagged_output``.
        raw_clues: the contents with labels and split.
        names: key and tag_id of every name and alias.
        edges: ``content_tag_graph``.
        settings: ``apply_at``, infinite where nothing is applied.
        decided: content_id and tag_id of the cases that people decided (see ``Cases``).

    Returns:
        The columns of ``scored``, with band (drop where the tag was not assigned), uncertainty, carriers (contents the
        tag is assigned to), learners (contents that resemble this one), reach, labelled (whether people gave the
        content this tag; null where they gave it none), ways, dispute and value.
    """
    fit = raw_clues.filter(pl.col("split") == "fit").select("content_id")
    asked = scored.join(fit, on="content_id", how="semi").join(decided, on=PAIR, how="anti")
    known = _read_labels(raw_clues, names)
    carriers = tagged.group_by("tag_id").agg(carriers=pl.col("content_id").n_unique().cast(pl.Int64))
    joined = (
        asked.join(tagged.select(*PAIR, "band"), on=PAIR, how="left")
        .join(carriers, on="tag_id", how="left")
        .join(_count_learners(edges), on="content_id", how="left")
        .join(known, on=PAIR, how="left")
        .join(known.select("content_id", annotated=pl.lit(True)).unique(), on="content_id", how="left")
        .with_columns(
            pl.col("carriers", "learners").fill_null(0),
            pl.col("band").fill_null("drop"),
            labelled=pl.when("annotated").then(pl.col("given").fill_null(False)),
            ways=pl.col("path").str.split("+").list.len(),
        )
        .drop("annotated", "given")
    )
    ways = joined["path"].str.split("+").explode().n_unique()
    valued = joined.with_columns(
        uncertainty=_measure_doubt(pl.col("confidence"), settings.apply_at),
        reach=(_scale(pl.col("carriers")) + _scale(pl.col("learners"))) / 2,
        dispute=_measure_dispute(ways),
    ).with_columns(value=pl.lit(1.0))
    for factor in ("uncertainty", "reach", "dispute"):
        valued = valued.with_columns(value=pl.col("value") * (LEAST + (1 - LEAST) * pl.col(factor)))
    return valued.sort(-pl.col("value"), *PAIR)


def choose_cases(
    valued: pl.DataFrame, count: int, *, per_tag: int = PER_TAG, per_content: int = PER_CONTENT
) -> pl.DataFrame:
    """Return the first ``count`` cases in order, without those of a tag or content that has its share already.

    Args:
        valued: content_id and tag_id, the most valuable first.
        count: cases at most.
        per_tag: cases of one tag at most.
        per_content: cases of one content at most.
    """
    taken: list[int] = []
    tags: Counter[str] = Counter()
    contents: Counter[str] = Counter()
    for row, (content_id, tag_id) in enumerate(valued.select(PAIR).iter_rows()):
        if len(taken) >= count:
            break
        if tags[tag_id] < per_tag and contents[content_id] < per_content:
            tags[tag_id] += 1
            contents[content_id] += 1
            taken.append(row)
    return valued[taken]


def describe_cases(chosen: pl.DataFrame, raw_clues: pl.DataFrame, settings: TaggingSettings) -> pl.DataFrame:
    """Return the cases as people are asked about them (``CASE`` columns), in the order given.

    Args:
        chosen: rows of ``value_cases``.
        raw_clues: the contents.
        settings: ``apply_at``.
    """
    text = pl.col("text").str.replace_all(r"\s+", " ").str.strip_chars()
    short = pl.when(text.str.len_chars() > SHOWN_TEXT).then(text.str.head(SHOWN_TEXT - 1) + "…").otherwise(text)
    texts = raw_clues.select("content_id", first_line=first_line(), clue=short)
    return (
        chosen.join(texts, on="content_id", how="left", maintain_order="left")
        .with_columns(why_asked=_explain(settings.apply_at), decision=pl.lit(""), comment=pl.lit(""))
        .with_columns(pl.col("confidence").round(4))
        .select(CASE.names())
        .cast(CASE)
    )


def _read_labels(raw_clues: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    keyed = explode_labels(raw_clues).with_columns(key=normalise(pl.col("tag")))
    return keyed.join(names, on="key").select(*PAIR, given=pl.lit(True)).unique()


def _count_learners(edges: pl.DataFrame) -> pl.DataFrame:
    """Contents on either end of an edge of likeness: a neighbour's correction speaks for those that look at it."""
    near = edges.filter((pl.col("kind") == "similarity") & (pl.col("target_kind") == "content"))
    both = pl.concat(
        [near.select("content_id", other="target"), near.select(content_id="target", other="content_id")]
    ).unique()
    return both.group_by("content_id").agg(learners=pl.len().cast(pl.Int64))


def _measure_doubt(confidence: pl.Expr, apply_at: float) -> pl.Expr:
    """Binary entropy in bits, with the threshold where plain entropy has one half."""
    middle = min(max(apply_at, 1e-6), 1 - 1e-6)
    below = confidence / (2 * middle)
    above = 0.5 + (confidence - middle) / (2 * (1 - middle))
    p = pl.when(confidence < middle).then(below).otherwise(above).clip(1e-12, 1 - 1e-12)
    return -(p * p.log() + (1 - p) * (1 - p).log()) / math.log(2)


def _scale(counts: pl.Expr) -> pl.Expr:
    """On a logarithmic scale from none to the most: the tenth carrier says more than the hundredth."""
    return (counts.log1p() / counts.max().log1p()).fill_nan(0.0)


def _measure_dispute(ways: int) -> pl.Expr:
    share = pl.col("ways") / ways
    divided = BY_PATHS * 4 * share * (1 - share)
    by_people = pl.when("labelled").then(BY_LABEL * (1 - pl.col("confidence"))).when(~pl.col("labelled"))
    return pl.max_horizontal(by_people.then("confidence").otherwise(0.0), divided)


def _explain(apply_at: float) -> pl.Expr:
    confidence = pl.col("confidence").round(2)
    unsure = pl.format("the confidence {} {}", confidence, _tell_doubt(apply_at))
    people = (
        pl.when(pl.col("labelled") & (pl.col("confidence") < apply_at))
        .then(pl.lit("people gave the content this tag and the judge would not"))
        .when(~pl.col("labelled") & (pl.col("confidence") >= apply_at))
        .then(pl.lit("people gave the content other tags and not this one, and the judge would"))
    )
    paths = pl.when(people.is_null() & (pl.col("dispute") > 0) & (pl.col("ways") == 1)).then(
        pl.format("only one way of recall ({}) found it", "path")
    )
    carriers = pl.format("the tag is on {} contents", "carriers")
    learners = pl.format("{} similar contents would learn", "learners")
    return pl.concat_str([unsure, people, paths, carriers, learners], separator="; ", ignore_nulls=True)


def _tell_doubt(apply_at: float) -> pl.Expr:
    said = f"lies near {apply_at:.3g}, from where a tag is applied"
    near = pl.lit(said if math.isfinite(apply_at) else "is high, and no confidence is safe enough to apply a tag")
    far = pl.when(pl.col("confidence") >= apply_at).then(pl.lit("is high")).otherwise(pl.lit("is low"))
    return pl.when(pl.col("uncertainty") >= 0.9).then(near).otherwise(far)  # ours: 0.9 bit is 0.32 to 0.68 around 0.5
