"""The seven artifacts and the two supporting ones, in paper order: each asset reads, calls, replaces one."""

import time
from typing import Any

import dagster as dg
import polars as pl

from tagflow.adapters.content_reader import read_contents
from tagflow.adapters.tag_list_reader import read_tag_list
from tagflow.clues.conversion import convert_contents, has_text
from tagflow.confidence.model import fit_confidence, is_fitted
from tagflow.confidence.ranking import account_contents, check_conservation, rank_tags
from tagflow.evaluation.gold import find_gold
from tagflow.evaluation.report import report_curves, report_methods, report_tag_sets
from tagflow.graph.edges import link_history
from tagflow.graph.insertion import build_graph
from tagflow.graph.ngram_space import fit_encoder
from tagflow.graph.recall import recall_candidates
from tagflow.knowledge.samples import collect_samples
from tagflow.materials import BATCH, map_contents, recall_pairs
from tagflow.pipeline.datasets import DATASETS
from tagflow.pipeline.resources import Dataset, Workbench
from tagflow.schemas import ARTIFACTS
from tagflow.settings import NGRAMS, THRESHOLDS
from tagflow.tables import Tables
from tagflow.taggers import list_methods, load_tagger, name_model
from tagflow.tagset.filtering import check_kept, count_tags, filter_tags
from tagflow.tagset.fusion import fuse_tags
from tagflow.tagset.generation import find_unproposed, merge_proposals, no_proposals
from tagflow.tagset.normalisation import tag_text
from tagflow.tagset.vocabulary import collect_uses, make_vocabulary_version, resolve_tags

Result = dg.MaterializeResult[Tables]

NOTHING_RECALLED = pl.DataFrame(schema={"content_id": pl.String, "tag_id": pl.String})


def _artifact(name: str, group: str, *kinds: str) -> dict[str, Any]:
    artifact = ARTIFACTS[name]
    columns = [
        dg.TableColumn(column, str(declared.dtype), description=declared.meaning)
        for column, declared in artifact.tables[name].columns.items()
    ]
    return {
        "name": name,
        "partitions_def": DATASETS,
        "group_name": group,
        "kinds": {"duckdb", "polars", *kinds},
        "description": f"{artifact.meaning}\n\nSource: {artifact.source}.",
        "metadata": {"dagster/column_schema": dg.TableSchema(columns=columns)},
    }


def _result(context: dg.AssetExecutionContext, dataset: Dataset, tables: Tables, **counts: Any) -> Result:  # noqa: ANN401 - metadata
    name = context.asset_key.path[-1]
    rows = len(tables[name])
    said = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in counts.items())
    dataset.progress.say(f"{name:<18} {time.monotonic() - dataset.opened:6.1f} s  {rows:>9,} rows  {said}")
    return dg.MaterializeResult(value=tables, metadata={"dagster/row_count": rows, **counts})


@dg.asset(**_artifact("raw_clues", "tag_set"))
def raw_clues(context: dg.AssetExecutionContext, workbench: Workbench) -> Result:
    dataset = workbench.open(context.partition_key, context.log.info)
    where = dataset.folder / "dataset.yaml"
    read = read_contents(dataset.folder / "contents", dataset.settings.columns, dataset.settings.labels, where)
    clues = convert_contents(read.contents, dataset.settings)
    check_conservation(read.records, clues, read.quarantine)
    return _result(
        context,
        dataset,
        {"raw_clues": clues, "quarantine": read.quarantine},
        records=read.records,
        quarantined=len(read.quarantine),
        labelled=clues.filter(pl.col("labels").list.len() > 0).height,
        held_out=clues.filter(pl.col("split") == "test").height,
        shortened=clues.filter(pl.col("cuts").list.len() > 0).height,
    )


@dg.asset(**_artifact("fitted_encoder", "knowledge", "scikitlearn"))
def fitted_encoder(context: dg.AssetExecutionContext, workbench: Workbench, raw_clues: pl.DataFrame) -> Result:
    dataset = workbench.open(context.partition_key, context.log.info)
    model = dataset.settings.encoder_model()
    stored = dataset.store.exists(dataset.name, "fitted_encoder")
    known = dataset.store.read_all(dataset.name, "fitted_encoder") if stored else None
    tables = fit_encoder(raw_clues, model, known)
    if model == NGRAMS and dataset.settings.encoder.model is None:
        dataset.progress.say(
            f"encoder: {NGRAMS}, which sees shared characters, not meaning. For meaning name a multilingual model in "
            "encoder.model, e.g. a folder with BAAI/bge-m3 or intfloat/multilingual-e5-small, and set its thresholds."
        )
    texts = int(tables["fit"]["texts"].item())
    return _result(context, dataset, tables, encoder=model, texts=texts, refitted=tables is not known)


@dg.asset(**_artifact("candidate_tags", "tag_set"), deps=[fitted_encoder])
def candidate_tags(context: dg.AssetExecutionContext, workbench: Workbench, raw_clues: pl.DataFrame) -> Result:
    dataset = workbench.open(context.partition_key, context.log.info)
    model = dataset.tag_model()
    stored = dataset.store.exists(dataset.name, "candidate_tags")
    known = dataset.store.read_all(dataset.name, "candidate_tags") if stored else no_proposals()
    asked = find_unproposed(raw_clues, known, model.proposer)
    tables = merge_proposals(raw_clues, known, asked, model.propose(asked), model.proposer)
    reused = len(tables["proposed_contents"]) - model.proposed  # the model remembers contents this artifact lost
    counts = {"proposed_anew": model.proposed, "proposals_reused": reused}
    return _result(context, dataset, tables, **counts, **dataset.count_work())


@dg.asset(**_artifact("filtered_tagset", "tag_set"))
def filtered_tagset(
    context: dg.AssetExecutionContext, workbench: Workbench, raw_clues: pl.DataFrame, candidate_tags: pl.DataFrame
) -> Result:
    dataset = workbench.open(context.partition_key, context.log.info)
    vocabulary = dataset.settings.vocabulary
    listed = read_tag_list(dataset.folder, vocabulary.file)
    counted = count_tags(collect_uses(raw_clues, candidate_tags, listed, vocabulary))
    contents = raw_clues.filter((pl.col("split") == "fit") & has_text()).height
    filtered = filter_tags(counted, contents, vocabulary, dataset.decisions.banned)
    check_kept(filtered, str(dataset.folder / "dataset.yaml"))
    verdicts = dict(filtered["verdict"].value_counts().sort("verdict").iter_rows())
    return _result(context, dataset, {"filtered_tagset": filtered}, **verdicts)


@dg.asset(**_artifact("fused_tagset", "tag_set"), deps=[fitted_encoder])
def fused_tagset(
    context: dg.AssetExecutionContext,
    workbench: Workbench,
    raw_clues: pl.DataFrame,
    candidate_tags: pl.DataFrame,
    filtered_tagset: pl.DataFrame,
) -> Result:
    dataset = workbench.open(context.partition_key, context.log.info)
    vocabulary = dataset.settings.vocabulary
    kept = filtered_tagset.filter(pl.col("verdict") == "kept")
    uses = collect_uses(raw_clues, candidate_tags, read_tag_list(dataset.folder, vocabulary.file), vocabulary)
    vectors = dataset.encoder.encode(kept.select(tag_text(pl.col("tag"))).to_series().to_list())
    tables = fuse_tags(kept, uses, vectors, dataset.thresholds.fuse, vocabulary.member_floor)
    decisions = dict(tables["fusion_log"]["decision"].value_counts().sort("decision").iter_rows())
    return _result(context, dataset, tables, **decisions, **dataset.count_work())


@dg.asset(**_artifact("content_tag_graph", "tagging", "hnswlib"), deps=[fitted_encoder])
def content_tag_graph(
    context: dg.AssetExecutionContext,
    workbench: Workbench,
    raw_clues: pl.DataFrame,
    candidate_tags: pl.DataFrame,
    fused_tagset: pl.DataFrame,
) -> Result:
    dataset = workbench.open(context.partition_key, context.log.info)
    graph = dataset.settings.graph
    history = link_history(raw_clues, candidate_tags, resolve_tags(fused_tagset), graph)
    tools = (dataset.encoder, dataset.build_index, graph, dataset.thresholds)
    tables = build_graph(raw_clues, history, fused_tagset, *tools)
    if dataset.settings.encoder_model() not in THRESHOLDS:
        dataset.progress.say(
            "thresholds: those of the default encoder; set fuse, match, delta_ct and delta_cc for yours"
        )
    return _result(
        context,
        dataset,
        tables,
        human_edges=history.filter(pl.col("origin") == "human").height,
        machine_edges=history.filter(pl.col("origin") == "machine").height,
        similarity_edges=len(tables["content_tag_graph"]) - len(history),
        **dataset.count_work(),
    )


@dg.asset(**_artifact("knowledge_base", "knowledge"))
def knowledge_base(context: dg.AssetExecutionContext, workbench: Workbench, content_tag_graph: pl.DataFrame) -> Result:
    dataset = workbench.open(context.partition_key, context.log.info)
    history = content_tag_graph.filter(pl.col("kind") == "deterministic")
    taught = history.filter(pl.col("origin") == "human").select("content_id").unique(maintain_order=True)
    similarity = content_tag_graph.filter(pl.col("kind") == "similarity").join(taught, on="content_id", how="semi")
    batches = (similarity.join(part, on="content_id", how="semi") for part in taught.iter_slices(BATCH))
    graph = dataset.settings.graph
    recalled = [
        one.select("content_id", "tag_id")
        for one in dataset.engine.map(lambda part: recall_candidates(part, history, graph), batches)
    ]
    samples = collect_samples(history, pl.concat(recalled) if recalled else NOTHING_RECALLED)
    right = int(samples["right"].sum())
    return _result(context, dataset, {"knowledge_base": samples}, right=right, presumed_wrong=len(samples) - right)


@dg.asset(**_artifact("confidence_model", "knowledge", "scikitlearn"))
def confidence_model(
    context: dg.AssetExecutionContext,
    workbench: Workbench,
    raw_clues: pl.DataFrame,
    fused_tagset: pl.DataFrame,
    content_tag_graph: Tables,
    knowledge_base: pl.DataFrame,
) -> Result:
    dataset = workbench.open(context.partition_key, context.log.info)
    materials = dataset.materials(fused_tagset, content_tag_graph)
    taught = raw_clues.join(knowledge_base, on="content_id", how="semi", maintain_order="left")
    pairs = map_contents(recall_pairs, taught, materials)
    samples = knowledge_base.join(pairs, on=["content_id", "tag_id"], maintain_order="left")
    tables = fit_confidence(samples)
    fitted = is_fitted(tables["confidence_model"])
    return _result(
        context,
        dataset,
        tables,
        fitted=fitted,
        pairs=len(samples),
        calibrated="no: prior model" if not fitted else "yes",
    )


@dg.asset(**_artifact("tagged_output", "tagging"))
def tagged_output(
    context: dg.AssetExecutionContext,
    workbench: Workbench,
    raw_clues: Tables,
    fused_tagset: pl.DataFrame,
    content_tag_graph: Tables,
    confidence_model: pl.DataFrame,
) -> Result:
    dataset = workbench.open(context.partition_key, context.log.info)
    settings, method = dataset.settings, dataset.settings.tagging.method
    contents = raw_clues["raw_clues"]
    materials = dataset.materials(fused_tagset, content_tag_graph, dataset.tag_model(confidence_model))
    placed = contents.filter(has_text() & pl.col("content_id").is_in(materials.space.contents["node"].implode()))
    scored = load_tagger(method)(placed, materials)
    model, version = name_model(method, materials.tag_model), make_vocabulary_version(fused_tagset)
    tagged = rank_tags(scored, settings, model=model, version=version)
    status = account_contents(contents, raw_clues["quarantine"], tagged, placed["content_id"])
    check_conservation(len(contents) + len(raw_clues["quarantine"]), status)
    tables = {
        "tagged_output": tagged,
        "scored_candidates": scored.sort("content_id", -pl.col("confidence"), "tag"),
        "content_status": status,
    }
    counts = dict(status["status"].value_counts().sort("status").iter_rows())
    bands = dict(tagged["band"].value_counts().sort("band").iter_rows())
    return _result(context, dataset, tables, **counts, **bands, **dataset.count_work())


@dg.asset(**_artifact("evaluation_report", "evaluation"))
def evaluation_report(
    context: dg.AssetExecutionContext,
    workbench: Workbench,
    raw_clues: pl.DataFrame,
    fused_tagset: pl.DataFrame,
    content_tag_graph: Tables,
    confidence_model: pl.DataFrame,
    tagged_output: Tables,
) -> Result:
    dataset = workbench.open(context.partition_key, context.log.info)
    own = dataset.settings.tagging.method
    gold = find_gold(raw_clues, resolve_tags(fused_tagset))
    test = raw_clues.filter(has_text()).join(gold.pairs, on="content_id", how="semi", maintain_order="left")
    scored = {own: tagged_output["scored_candidates"].join(test, on="content_id", how="semi")}
    model = dataset.tag_model(confidence_model)
    materials = dataset.materials(fused_tagset, content_tag_graph, model)
    asked = dataset.settings.evaluation.methods
    for method in list_methods() if asked is None else asked:
        if method != own and len(test):
            scored[method] = load_tagger(method)(test, materials)
    rows = report_methods(scored, tagged_output["tagged_output"], gold, own, single=dataset.settings.task == "single")
    tables = report_tag_sets(raw_clues, tagged_output["tagged_output"], fused_tagset, dataset.encoder)
    tables["evaluation_report"] = pl.concat(
        [rows.select(tables["evaluation_report"].columns), tables["evaluation_report"]]
    )
    tables |= report_curves(scored, gold, own)
    counts = {"scored_contents": len(test), "held_out": gold.held_out, "proposed_anew": model.proposed}
    return _result(context, dataset, tables, **counts, **dataset.count_work())


ASSETS = [
    raw_clues,
    fitted_encoder,
    candidate_tags,
    filtered_tagset,
    fused_tagset,
    content_tag_graph,
    knowledge_base,
    confidence_model,
    tagged_output,
    evaluation_report,
]
"""In the order of the way of a content."""
