"""Renames and merges of people carried over to the stored artifacts, asset by asset, without a tag model."""

import dagster as dg
import polars as pl

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.confidence.ranking import rank_tags
from tagflow.confidence.reconciliation import DONE
from tagflow.confidence.staleness import carry_answers
from tagflow.errors import ArtifactError
from tagflow.graph.carrying import carry_graph
from tagflow.knowledge.corrections import keep_surest_samples
from tagflow.pipeline.pages import Result, make_result
from tagflow.pipeline.resources import Dataset
from tagflow.pipeline.standing import read_declared
from tagflow.schemas import CONTENT_TAG_GRAPH, FUSED_TAGSET, KNOWLEDGE_BASE, TAGGED_OUTPUT
from tagflow.settings import DatasetSettings
from tagflow.tables import Artifact, Tables
from tagflow.tagset.carrying import carry_decisions, find_moves, move_tags
from tagflow.tagset.rules import enforce_rules
from tagflow.tagset.vocabulary import collect_uses

Context = dg.AssetExecutionContext


def carry_tagset(context: Context, dataset: Dataset, raw_clues: pl.DataFrame, candidate_tags: pl.DataFrame) -> Result:
    """Return the stored ``fused_tagset`` with people's renames and merges."""
    listed, stored = dataset.read_tag_list(), _read(dataset, FUSED_TAGSET)
    uses = collect_uses(raw_clues, candidate_tags, listed, dataset.settings.vocabulary)
    tables = carry_decisions(stored, dataset.decisions, listed, uses)
    counts = dict(tables["vocabulary_changes"]["change"].value_counts().sort("change").iter_rows())
    return make_result(context, dataset, tables, **{f"tags_{change}": count for change, count in counts.items()})


def carry_edges(context: Context, dataset: Dataset, tagset: pl.DataFrame) -> Result:
    """Return the stored ``content_tag_graph`` with moved tags."""
    moves = _find_moves(dataset, tagset)
    return make_result(context, dataset, carry_graph(_read(dataset, CONTENT_TAG_GRAPH), moves), tags_moved=len(moves))


def carry_samples(context: Context, dataset: Dataset, tagset: pl.DataFrame) -> Result:
    """Return the stored ``knowledge_base`` with moved tags: right if one of two that become one was."""
    stored, moves = _read(dataset, KNOWLEDGE_BASE), _find_moves(dataset, tagset)
    samples = keep_surest_samples(move_tags(stored["knowledge_base"], moves))
    return make_result(context, dataset, stored | {"knowledge_base": samples}, tags_moved=len(moves))


def carry_output(
    context: Context,
    dataset: Dataset,
    tagset: pl.DataFrame,
    contents: pl.DataFrame,
    settings: DatasetSettings,
    version: str,
    samples: str,
) -> Result:
    """Return the stored ``tagged_output`` with moved tags under today's names, ranked anew.

    Answers that stood stand, as what they rest on moved with them; those that were stale stay so.

    Args:
        context: of the step.
        dataset: opened.
        tagset: ``fused_tagset``, carried.
        contents: ``raw_clues``.
        settings: with the bands set.
        version: of the tag set.
        samples: digest of the carried samples.
    """
    stored, moves = _read(dataset, TAGGED_OUTPUT), _find_moves(dataset, tagset)
    tables = carry_answers(stored, moves, tagset)
    allowed = enforce_rules(tables["scored_candidates"], dataset.decisions.rules, tagset, contents)
    model = stored["tagged_output"]["model"].head(1).to_list()
    ranked = rank_tags(allowed.kept, settings, model=model[0] if model else "", version=version)
    tables["tagged_output"] = ranked.select(stored["tagged_output"].columns)
    tables["basis"] = tables["basis"].with_columns(vocabulary=pl.lit(version), samples=pl.lit(samples))
    tables["content_status"] = _count_tags(stored["content_status"], tables["tagged_output"])
    given = stored["tagged_output"].join(moves, on="tag_id", how="semi")["content_id"].n_unique()
    counts = {"tags_moved": len(moves), "contents_with_them": given, "tagged_anew": 0}
    return make_result(context, dataset, tables, **counts, kept_as_they_were=len(tables["basis"]))


def _read(dataset: Dataset, artifact: Artifact) -> Tables:
    stored = read_declared(dataset, artifact)
    if stored is None:
        raise ArtifactError(
            f"{dataset.name}: {artifact.name} was not made yet, or by an earlier tagflow; tagflow run {dataset.name} "
            f"makes it."
        )
    return stored


def _find_moves(dataset: Dataset, tagset: pl.DataFrame) -> pl.DataFrame:
    """The current version's tag set is the one before this run."""
    previous = DuckDBStore(dataset.folder.parent / "warehouse").read(dataset.name, FUSED_TAGSET.name)
    return find_moves(previous, tagset)


def _count_tags(status: pl.DataFrame, tagged: pl.DataFrame) -> pl.DataFrame:
    counts = tagged.group_by("content_id").agg(now=pl.len().cast(pl.Int64))
    joined = status.join(counts, on="content_id", how="left", maintain_order="left")
    done = pl.col("status").is_in(DONE)
    now = pl.col("now").fill_null(0)
    return joined.with_columns(
        tags=pl.when(done).then(now).otherwise("tags"),
        status=pl.when(done & (now == 0)).then(pl.lit("no_tag_fits")).otherwise("status"),
        reason=pl.when(done & (now == 0)).then(pl.lit("no candidate reached the least confidence")).otherwise("reason"),
    ).drop("now")
