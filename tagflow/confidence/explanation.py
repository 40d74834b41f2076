"""Why a content has a tag and why not another one: the judge's sum, taken apart, and the place of a tag in recall.

Source: ours. Everything is computed from stored artifacts; no encoder is needed.
"""

from typing import NamedTuple

import numpy as np
import polars as pl

from tagflow.confidence.calibration import calibrate
from tagflow.confidence.choice import compete
from tagflow.confidence.features import FEATURES, add_features
from tagflow.confidence.model import lets_compete, read_curve
from tagflow.graph.edges import GROWN, PEOPLE
from tagflow.graph.recall import recall_by_name, recall_by_neighbour, recall_by_words, recall_candidates
from tagflow.graph.space import Space
from tagflow.settings import DatasetSettings, GraphSettings

PAIR = ["content_id", "tag_id"]


class Place(NamedTuple):
    """Where a tag stands for a content on both ways of recall; a rank counts from 1."""

    cosine: float
    rank: int
    tags: int
    """Number of tags ranked by cosine."""
    carriers: int
    """Neighbours of the content that carry the tag."""
    neighbours: int
    carried_rank: int | None
    """Rank among the tags that neighbours carry; None if no neighbour carries it."""
    carried_tags: int


def recall_again(
    content: pl.DataFrame, edges: pl.DataFrame, tagset: pl.DataFrame, space: Space, settings: GraphSettings
) -> pl.DataFrame:
    """Return the candidates of contents with every recall feature, as tagging saw them (see ``add_features``).

    Args:
        content: content_id and text of contents in the graph.
        edges: ``content_tag_graph``.
        tagset: ``fused_tagset``.
        space: the graph's vectors.
        settings: the caps of recall.
    """
    similarity, deterministic = _split_edges(content, edges)
    pairs = recall_candidates(similarity, deterministic, settings)
    return add_features(pairs, content.select("content_id", "text"), tagset, deterministic, space, _list_names(edges))


def describe_pair(
    content: pl.DataFrame,
    tag_id: str,
    edges: pl.DataFrame,
    tagset: pl.DataFrame,
    space: Space,
    settings: GraphSettings,
) -> pl.DataFrame:
    """Return one pair among the content's candidates, with every recall feature, as if recall had found it.

    Args:
        content: content_id and text of one content in the graph.
        tag_id: any tag of the tag set.
        edges: ``content_tag_graph``.
        tagset: ``fused_tagset``.
        space: the graph's vectors.
        settings: the caps of recall: the pair is seen among the candidates.
    """
    similarity, deterministic = _split_edges(content, edges)
    columns = ["human", "machine", "lexical", "mentions"]
    recalled = recall_candidates(similarity, deterministic, settings).select(*PAIR, *columns)
    asked = content.select("content_id", tag_id=pl.lit(tag_id))
    for found in (
        recall_by_neighbour(similarity, deterministic).select(*PAIR, "human", "machine"),
        recall_by_words(similarity, deterministic).select(*PAIR, "lexical"),
        recall_by_name(similarity, len(tagset)),
    ):
        asked = asked.join(found, on=PAIR, how="left")
    others = recalled.filter(pl.col("tag_id") != tag_id)
    pairs = pl.concat([others, asked.select(*PAIR, pl.col(columns).fill_null(0.0))])
    texts = content.select("content_id", "text")
    return add_features(pairs, texts, tagset, deterministic, space, _list_names(edges))


def place_tag(content: pl.DataFrame, tag_id: str, edges: pl.DataFrame, space: Space) -> Place:
    """Return where the tag stands for one content: by cosine among all tags, and by votes among the carried ones.

    Ties go by tag id. The arguments are those of ``describe_pair``.
    """
    similarity, deterministic = _split_edges(content, edges)
    row = space.contents.filter(pl.col("node") == content["content_id"][0])["row"][0]
    ranked = (
        space.tags.with_columns(cosine=pl.Series(space.tag_vectors @ space.content_vectors[row]).cast(pl.Float64))
        .sort(-pl.col("cosine"), "node")
        .with_row_index("rank", offset=1)
    )
    asked = ranked.filter(pl.col("node") == tag_id).row(0, named=True)
    votes = recall_by_neighbour(similarity, deterministic).sort(-pl.col("c2c2t"), "tag_id")
    carried = votes.with_row_index("rank", offset=1).filter(pl.col("tag_id") == tag_id)
    return Place(
        cosine=asked["cosine"],
        rank=asked["rank"],
        tags=len(ranked),
        carriers=carried["carriers"][0] if len(carried) else 0,
        neighbours=similarity.filter((pl.col("target_kind") == "content") & (pl.col("origin") == "encoder")).height,
        carried_rank=carried["rank"][0] if len(carried) else None,
        carried_tags=len(votes),
    )


def weigh_features(model: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Return what each recall feature adds to the judge's logit, the largest part of a pair first, ties by feature.

    Args:
        model: ``confidence_model``.
        pairs: content_id, tag_id, every feature, and ``annotated``: which head judges the pair; all candidates of a
            content if the model lets them compete.

    Returns:
        content_id, tag_id, head, feature (or bias, or rivals: the other candidates), value, standardised, coefficient,
        contribution (coefficient times standardised value), logit (the pair's sum of contributions), raw (its
        logistic), calibrated (its log-odds on the head's calibration curve) and confidence (their logistic), which is
        what ``judge_pairs`` gives.
    """
    head = pl.when("annotated").then(pl.lit("annotated")).otherwise(pl.lit("unannotated"))
    values = pairs.select(*PAIR, pl.col(FEATURES).cast(pl.Float64), head=head, bias=pl.lit(1.0))
    parts = values.unpivot(
        on=[*FEATURES, "bias"], index=[*PAIR, "head"], variable_name="feature", value_name="value"
    ).join(model.select("head", "feature", "mean", "scale", "coefficient"), on=["head", "feature"])
    summed = parts.with_columns(standardised=(pl.col("value") - pl.col("mean")) / pl.col("scale")).with_columns(
        contribution=pl.col("coefficient") * pl.col("standardised")
    )
    if lets_compete(model):
        summed = pl.concat([summed, _weigh_rivals(summed).select(summed.columns)])
    placed = summed.with_columns(logit=pl.col("contribution").sum().over(PAIR))
    logit, of_head = placed["logit"].to_numpy(), placed["head"].to_numpy()
    calibrated = logit.copy()
    for name in placed["head"].unique():
        rows = of_head == name
        calibrated[rows] = calibrate(logit[rows], read_curve(model.filter(pl.col("head") == name)))
    return (
        placed.with_columns(calibrated=pl.Series(calibrated))
        .with_columns(raw=_squash(pl.col("logit")), confidence=_squash(pl.col("calibrated")))
        .sort(*PAIR, -pl.col("contribution").abs(), "feature")
        .drop("mean", "scale")
    )


def _weigh_rivals(summed: pl.DataFrame) -> pl.DataFrame:
    """What the other candidates of its content take from each pair, as a part like those of the features."""
    score = summed.group_by(*PAIR, "head", maintain_order=True).agg(pl.col("contribution").sum())
    number = score.select(pl.col("content_id").rank("dense").cast(pl.Int64)).to_series().to_numpy()
    odds = compete(score["contribution"].to_numpy(), number)
    one = {name: pl.lit(1.0) for name in ("value", "scale", "coefficient", "standardised")}
    return score.with_columns(
        feature=pl.lit("rivals"), mean=pl.lit(0.0), contribution=pl.Series(odds) - pl.col("contribution"), **one
    )


def _squash(logit: pl.Expr) -> pl.Expr:
    return 1.0 / (1.0 + (-logit).exp())


def find_like_cases(reliability: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """Return how many of the cross-fitted pairs with a confidence like this one were right.

    Args:
        reliability: the table of that name of ``confidence_model``.
        judged: tag_id, head, confidence.

    Returns:
        tag_id, bin, bins (of the head), low and high (confidence), mean (confidence), precision, pairs; a pair whose
        head has no bins has no row.
    """
    bins = reliability.with_columns(bins=pl.len().over("head")).rename({"confidence": "mean"})
    last = pl.col("bin") == pl.col("bins")
    above, below = pl.col("confidence") >= pl.col("low"), pl.col("confidence") < pl.col("high")
    columns = ["tag_id", "bin", "bins", "low", "high", "mean", "precision", "pairs"]
    return judged.join(bins, on="head", maintain_order="left").filter(above & (below | last)).select(columns)


def find_carriers(content: pl.DataFrame, edges: pl.DataFrame) -> pl.DataFrame:
    """Return the neighbours of contents with the tags they carry, nearest first, ties by neighbour, then tag.

    Args:
        content: content_id of contents in the graph.
        edges: ``content_tag_graph``.

    Returns:
        content_id, tag_id, neighbour, cosine, people and proposal: from whom the neighbour has the tag.
    """
    similarity, deterministic = _split_edges(content, edges)
    near = similarity.filter((pl.col("target_kind") == "content") & (pl.col("origin") == "encoder"))
    first_hand = deterministic.filter(pl.col("origin") != GROWN)
    carried = first_hand.group_by(target="content_id", tag_id="target").agg(
        people=pl.col("origin").is_in(PEOPLE).any(), proposal=(~pl.col("origin").is_in(PEOPLE)).any()
    )
    return (
        near.join(carried, on="target")
        .select("content_id", "tag_id", neighbour="target", cosine="weight", people="people", proposal="proposal")
        .sort("content_id", -pl.col("cosine"), "neighbour", "tag_id")
    )


def explain_cuts(scored: pl.DataFrame, tagged: pl.DataFrame, settings: DatasetSettings) -> pl.DataFrame:
    """Return the judged candidates that were not assigned, best first, with their rank and the reason in words.

    Args:
        scored: ``scored_candidates`` of one or more contents.
        tagged: ``tagged_output`` of the same contents.
        settings: task, ``min_confidence`` and ``top_k``.

    Returns:
        content_id, tag_id, tag, confidence, rank (among all judged, from 1) and reason.
    """
    tagging = settings.tagging
    low = pl.col("confidence") < tagging.min_confidence
    reason = (
        pl.when(low)
        .then(pl.lit(f"below the least confidence {tagging.min_confidence:g} (tagging.min_confidence)"))
        .when(pl.lit(settings.task == "single") & (pl.col("rank") > 1))
        .then(pl.lit("a content gets one tag only (task: single)"))
        .when(pl.col("rank") > tagging.top_k)
        .then(pl.lit(f"beyond the best {tagging.top_k} (tagging.top_k)"))
        .otherwise(pl.lit("it would pass now: dataset.yaml was changed after the last run"))
    )
    ranked = scored.sort("content_id", -pl.col("confidence"), "tag").with_columns(
        rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("content_id")
    )
    cut = ranked.join(tagged.select(PAIR), on=PAIR, how="anti", maintain_order="left")
    return cut.select(*PAIR, "tag", "confidence", "rank", reason=reason)


def explain_miss(place: Place, delta_ct: float, settings: GraphSettings) -> str:
    """Return in words why a tag was not recalled on either way.

    Args:
        place: where the tag stands.
        delta_ct: least cosine of a content-tag edge.
        settings: the caps of recall.
    """
    rank = f"rank {place.rank:,} of {place.tags:,} tags by closeness of meaning"
    if place.cosine < delta_ct:
        by_tag = f"its cosine to the text is {place.cosine:.2f}, below delta_ct {delta_ct:g} ({rank})"
    else:
        by_tag = f"its cosine to the text is {place.cosine:.2f}, {rank}, and C2T takes the first {settings.c2t}"
    if place.carried_rank is None:
        by_neighbour = f"none of the {place.neighbours} neighbours carries it"
    else:
        by_neighbour = (
            f"{place.carriers} of the {place.neighbours} neighbours carry it, rank {place.carried_rank} of "
            f"{place.carried_tags} carried tags, and C2C2T takes the first {settings.c2c2t}"
        )
    others = (
        f"it is neither among the first {settings.lexical} tags of contents that share its words nor among the first "
        f"{settings.named} tags that the text names"
    )
    return f"{by_tag}; {by_neighbour}; {others}"


def compare_pairs(content_id: str, tag_ids: pl.Series, space: Space) -> pl.DataFrame:
    """Return tag_id and the cosine of the content to each of the tags."""
    row = space.contents.filter(pl.col("node") == content_id)["row"][0]
    tags = tag_ids.rename("node").to_frame().join(space.tags, on="node", maintain_order="left")
    cosine = np.asarray(space.tag_vectors[tags["row"].to_numpy()] @ space.content_vectors[row], np.float64)
    return tags.select(tag_id="node", cosine=pl.Series(cosine))


def _list_names(edges: pl.DataFrame) -> pl.DataFrame:
    """The edges from contents to the tags they name."""
    return edges.filter(pl.col("origin") == "name")


def _split_edges(content: pl.DataFrame, edges: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The contents' similarity edges, and all deterministic ones."""
    similarity = edges.filter(pl.col("kind") == "similarity").join(
        content.select("content_id"), on="content_id", how="semi", maintain_order="left"
    )
    return similarity, edges.filter(pl.col("kind") == "deterministic")
