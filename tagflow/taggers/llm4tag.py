"""LLM4Tag: recall on the content-tag graph, select, judge (arXiv 2502.13481 §3.2-3.4), each part with a switch.

What a switch takes away depends on the brain. ``graph``: the candidates are the nearest tags alone, as many as before.
``samples`` (SRKI): a language model is shown no annotated contents; the embedded brain judges by the prior model, which
was taught by none. ``passages`` (SRKI): a language model is told no definitions; the embedded brain reads none when it
judges. ``model`` (LSKI): a tuned language model in the place of the deployment's; the embedded brain has none.
``calibration``: nothing is judged, and the confidence is the selection's own score.
"""

import polars as pl

from tagflow.confidence.evidence import explain_pairs, explain_rung
from tagflow.confidence.features import add_features
from tagflow.materials import Materials, find_nearest, map_contents, recall_pairs
from tagflow.ports import TagModel
from tagflow.schemas import TAGGED_OUTPUT

JUDGES = "calibration"
"""Its confidence is the tag model's judgement, unless that is switched off."""

VARIANTS = {
    "w/o graph": {"graph": False},
    "w/o samples": {"samples": False},
    "w/o passages": {"passages": False},
    "w/o calibration": {"calibration": False},
}
"""LLM4Tag's ablations (§4.4); tuning (LSKI) is not among them, as the default has none."""


def tag(
    contents: pl.DataFrame,
    materials: Materials,
    *,
    graph: bool = True,
    samples: bool = True,
    passages: bool = True,
    calibration: bool = True,
    rerank: bool = False,
    model: str | None = None,
) -> pl.DataFrame:
    """Return the ``scored_candidates``: C2T and C2C2T candidates, judged one by one.

    A pair that nothing could judge has no row; its content stands among the tag model's failures.

    Args:
        contents: to tag.
        materials: what may be used.
        graph: whether candidates come from the graph.
        samples: whether annotated contents are used when selecting and judging.
        passages: whether definitions of tags are.
        calibration: whether each tag is judged.
        rerank: whether a language model also puts the tags it chose into order, one question a content; it may leave
            tags out, and where nothing is judged the confidence falls with the place.
        model: a tuned language model, as the endpoint lists it.

    Raises:
        ConfigError: a model is named and the brain is embedded.
    """
    whole = samples and passages and model is None
    brain = materials.tag_model if whole else materials.tag_model.vary(samples=samples, passages=passages, model=model)

    def tag_batch(part: pl.DataFrame, given: Materials) -> pl.DataFrame:
        pairs = recall_pairs(part, given) if graph else _recall_nearest(part, given)
        chosen = brain.select(pairs, part)
        ordered = brain.rerank(chosen, part) if rerank else chosen
        return _judge(ordered, part, brain, given, calibration=calibration)

    return map_contents(tag_batch, contents, materials)


def _judge(
    pairs: pl.DataFrame, contents: pl.DataFrame, brain: TagModel, materials: Materials, *, calibration: bool
) -> pl.DataFrame:
    if calibration:
        said = pl.Series(brain.judge(pairs, contents)).fill_nan(None)
        scored = pairs.with_columns(raw_score=said).drop_nulls("raw_score")
        rungs = brain.rungs.select("content_id", "tag_id", "rung")
        told = scored.join(rungs, on=["content_id", "tag_id"], how="left", maintain_order="left")
        confidence = pl.Series(brain.calibrate(told["raw_score"].to_numpy(), told["rung"].to_list()))
        own = pl.when(pl.col("rung").is_not_null()).then("raw_score")
        judged = told.with_columns(confidence=confidence, raw_score=own)
    else:
        unjudged = {"raw_score": pl.lit(None, pl.Float64), "rung": pl.lit(None, pl.String)}
        judged = pairs.with_columns(confidence="choice", **unjudged)
    rung = explain_rung(pl.col("rung"), pl.col("raw_score"), brain.calibrated_rungs)
    explained = judged.with_columns(
        votes=pl.col("carried").clip(0, 1),
        evidence=pl.concat_str([rung, explain_pairs()], separator="; ", ignore_nulls=True),
    )
    named = explained.join(materials.tagset.select("tag_id", "tag"), on="tag_id", maintain_order="left")
    return TAGGED_OUTPUT.tables["scored_candidates"].shape(named)


def _recall_nearest(contents: pl.DataFrame, materials: Materials) -> pl.DataFrame:
    """As many of the nearest tags as the graph may give by its two paths, without a word of neighbours or names."""
    graph = materials.settings.graph
    near = find_nearest(contents, materials, graph.c2t + graph.c2c2t)
    pairs = near.select("content_id", "tag_id", human=pl.lit(0.0), machine=pl.lit(0.0))
    texts = contents.select("content_id", "text")
    featured = add_features(pairs, texts, materials.tagset, materials.deterministic, materials.space)
    unknown = [pl.lit(0, pl.Int64).alias(name) for name in ("carriers", "word_carriers", "grown_carriers")]
    return featured.with_columns(
        *unknown, path=pl.lit("C2T"), neighbours=pl.lit([], dtype=pl.List(pl.String)), carried=pl.lit(0.0)
    )
