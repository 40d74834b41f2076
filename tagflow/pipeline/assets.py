"""The seven artifacts and the two supporting ones, in paper order: each asset reads, calls, replaces one."""

import dagster as dg
import polars as pl

from tagflow.adapters.integer_product import find_integer_product
from tagflow.clues.conversion import has_text
from tagflow.confidence.model import fit_confidence, is_fitted
from tagflow.confidence.ranking import account_contents, check_conservation, rank_tags
from tagflow.confidence.reconciliation import find_failed, find_settled, keep_ranked, keep_settled
from tagflow.evaluation.gold import find_gold
from tagflow.evaluation.report import report_curves, report_details, report_methods, report_tag_sets
from tagflow.graph.edges import GROWN, count_origins, link_history
from tagflow.graph.growth import link_grown
from tagflow.graph.insertion import build_graph, embed_contents, find_changes, forget_contents
from tagflow.graph.ngram_space import fit_encoder
from tagflow.graph.recall import recall_candidates
from tagflow.knowledge.corrections import (
    apply_corrections,
    correct_samples,
    find_decided,
    renew_corrections,
    settle_candidates,
)
from tagflow.knowledge.passages import define_tags
from tagflow.knowledge.samples import collect_samples
from tagflow.materials import BATCH, check_graph, map_contents, recall_pairs
from tagflow.pipeline.bands import find_thresholds, set_bands, tell_bands
from tagflow.pipeline.carrying import carry_edges, carry_output, carry_samples, carry_tagset
from tagflow.pipeline.comparison import ablate_clues, list_entrants, run_methods
from tagflow.pipeline.costs import Account, add_costs, report_costs
from tagflow.pipeline.emergence import emerging_tags
from tagflow.pipeline.jobs import carries, find_methods, is_increment, is_retry, wants_ablations
from tagflow.pipeline.language_calibration import calibrate_language_model
from tagflow.pipeline.pages import Result, describe_asset, make_result, tell_spread
from tagflow.pipeline.reading import make_raw_clues
from tagflow.pipeline.report_page import write_report
from tagflow.pipeline.resources import Dataset, Workbench
from tagflow.pipeline.standing import describe_rest, keep_answers, read_stored, reuse_answers, tell_reasons
from tagflow.schemas import CANDIDATE_TAGS, CONTENT_TAG_GRAPH, FUSED_TAGSET
from tagflow.settings import NGRAMS, THRESHOLDS
from tagflow.tables import Tables
from tagflow.taggers import list_compared
from tagflow.tagset.assembly import assemble_tagset
from tagflow.tagset.contradictions import check_renames
from tagflow.tagset.filtering import check_kept, count_tags, filter_tags
from tagflow.tagset.generation import find_unproposed, merge_proposals, no_proposals
from tagflow.tagset.rules import enforce_rules
from tagflow.tagset.vocabulary import collect_uses, make_vocabulary_version, resolve_tags
from tagflow.tagset.vocabulary_diff import count_changes

NOTHING_RECALLED = pl.DataFrame(schema={"content_id": pl.String, "tag_id": pl.String})


raw_clues = make_raw_clues({})


@dg.asset(**describe_asset("fitted_encoder", "knowledge", "scikitlearn"))
def fitted_encoder(context: dg.AssetExecutionContext, workbench: Workbench, raw_clues: pl.DataFrame) -> Result:
    dataset = workbench.open_for(context)
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
    return make_result(context, dataset, tables, encoder=model, texts=texts, refitted=tables is not known)


@dg.asset(**describe_asset("candidate_tags", "tag_set"), deps=[fitted_encoder])
def candidate_tags(context: dg.AssetExecutionContext, workbench: Workbench, raw_clues: pl.DataFrame) -> Result:
    dataset = workbench.open_for(context)
    model = dataset.tag_model()
    stored = dataset.store.exists(dataset.name, "candidate_tags")
    known = dataset.store.read_all(dataset.name, "candidate_tags") if stored else no_proposals()
    asked = find_unproposed(raw_clues, known, model.proposer)
    proposals = model.propose(asked)
    tables = merge_proposals(raw_clues, known, asked, proposals, model.proposer, model.failures)
    failed = len(tables["dead_letters"])
    reused = len(tables["proposed_contents"]) + failed - model.proposed  # it remembers contents this artifact lost
    counts = {"proposed_anew": model.proposed - failed, "proposals_reused": reused, "dead_letters": failed}
    return make_result(context, dataset, tables, **counts, **model.counts, **dataset.count_work())


@dg.asset(**describe_asset("filtered_tagset", "tag_set"))
def filtered_tagset(
    context: dg.AssetExecutionContext, workbench: Workbench, raw_clues: pl.DataFrame, candidate_tags: pl.DataFrame
) -> Result:
    dataset = workbench.open_for(context)
    vocabulary = dataset.settings.vocabulary
    listed = dataset.read_tag_list()
    counted = count_tags(collect_uses(raw_clues, candidate_tags, listed, vocabulary))
    contents = raw_clues.filter((pl.col("split") == "fit") & has_text()).height
    filtered = filter_tags(counted, contents, vocabulary, dataset.decisions.banned)
    check_kept(filtered, str(dataset.folder / "dataset.yaml"), dataset.read_previous(CANDIDATE_TAGS)["dead_letters"])
    verdicts = dict(filtered["verdict"].value_counts().sort("verdict").iter_rows())
    return make_result(context, dataset, {"filtered_tagset": filtered}, **verdicts)


@dg.asset(**describe_asset("fused_tagset", "tag_set"), deps=[fitted_encoder])
def fused_tagset(
    context: dg.AssetExecutionContext,
    workbench: Workbench,
    raw_clues: pl.DataFrame,
    candidate_tags: pl.DataFrame,
    filtered_tagset: pl.DataFrame,
) -> Result:
    dataset = workbench.open_for(context)
    if carries(context):
        return carry_tagset(context, dataset, raw_clues, candidate_tags)
    vocabulary = dataset.settings.vocabulary
    listed = dataset.read_tag_list()
    previous = dataset.read_previous(FUSED_TAGSET)["fused_tagset"]
    check_renames(dataset.decisions, previous, str(dataset.folder / "vocabulary.yaml"))
    uses = collect_uses(raw_clues, candidate_tags, listed, vocabulary)
    fit = raw_clues.filter((pl.col("split") == "fit") & has_text())
    contents = (fit["content_id"], lambda: embed_contents(fit, dataset.encoder))
    given = (filtered_tagset, uses, listed, previous, dataset.decisions, contents, dataset.encoder)
    tables, changes = assemble_tagset(
        *given, dataset.thresholds, dataset.settings, dataset.confirm_pairs(), find_integer_product
    )
    decisions = dict(tables["fusion_log"]["decision"].value_counts().sort("decision").iter_rows())
    counts = count_changes(changes) if len(previous) else {}
    changed = {f"tags_{change}": count for change, count in counts.items()}
    return make_result(context, dataset, tables, **decisions, **changed, **dataset.count_work())


@dg.asset(**describe_asset("content_tag_graph", "tagging", "hnswlib"), deps=[fitted_encoder])
def content_tag_graph(
    context: dg.AssetExecutionContext,
    workbench: Workbench,
    raw_clues: pl.DataFrame,
    candidate_tags: pl.DataFrame,
    fused_tagset: pl.DataFrame,
) -> Result:
    dataset = workbench.open_for(context)
    graph = dataset.settings.graph
    if carries(context):
        return carry_edges(context, dataset, fused_tagset)
    if is_increment(context) and dataset.store.exists(dataset.name, "content_tag_graph"):
        return _insert_new(context, dataset, raw_clues, fused_tagset)
    cases = dataset.read_cases(fused_tagset, raw_clues)
    linked = link_history(raw_clues, candidate_tags, resolve_tags(fused_tagset), graph)
    history = apply_corrections(linked, cases, graph.reviewed_weight)
    grown = dataset.grow(raw_clues, fused_tagset, history, cases)
    history = pl.concat([history, link_grown(grown, history, graph)])
    tools = (dataset.encoder, dataset.build_index, graph, dataset.thresholds, dataset.lexicon)
    tables = build_graph(raw_clues, history, define_tags(fused_tagset, dataset.read_passages()), *tools)
    tables["grown"] = grown
    if dataset.settings.encoder_model() not in THRESHOLDS:
        dataset.progress.say(
            "thresholds: those of the default encoder; set fuse, match, delta_ct and delta_cc for yours"
        )
    return make_result(
        context,
        dataset,
        tables,
        **count_origins(history),
        **{f"corrections_{end}": count for end, count in cases.tally().items() if count},
        similarity_edges=len(tables["content_tag_graph"]) - len(history),
        **dataset.count_work(),
    )


def _insert_new(
    context: dg.AssetExecutionContext, dataset: Dataset, raw_clues: pl.DataFrame, fused_tagset: pl.DataFrame
) -> Result:
    known = dataset.read_previous(CONTENT_TAG_GRAPH)
    check_graph(known, fused_tagset, dataset.encoder)
    new, gone = find_changes(known, raw_clues)
    kept = forget_contents(known, gone)
    cases = dataset.read_cases(fused_tagset, raw_clues)
    weight = dataset.settings.graph.reviewed_weight
    kept["content_tag_graph"] = renew_corrections(kept["content_tag_graph"], cases, weight)
    tables = dataset.insert(new, raw_clues.join(new, on="content_id", how="anti", maintain_order="left"), kept)
    counts = {"inserted": len(new), "forgotten": len(gone), "untouched": len(raw_clues) - len(new)}
    return make_result(context, dataset, tables, **counts, **dataset.count_work())


@dg.asset(**describe_asset("knowledge_base", "knowledge"))
def knowledge_base(
    context: dg.AssetExecutionContext,
    workbench: Workbench,
    raw_clues: pl.DataFrame,
    fused_tagset: pl.DataFrame,
    content_tag_graph: pl.DataFrame,
) -> Result:
    dataset = workbench.open_for(context)
    if carries(context):
        return carry_samples(context, dataset, fused_tagset)
    history = content_tag_graph.filter((pl.col("kind") == "deterministic") & (pl.col("origin") != GROWN))
    taught = history.filter(pl.col("origin") == "human").select("content_id").unique(maintain_order=True)
    similarity = content_tag_graph.filter(pl.col("kind") == "similarity").join(taught, on="content_id", how="semi")
    batches = (similarity.join(part, on="content_id", how="semi") for part in taught.iter_slices(BATCH))
    graph = dataset.settings.graph
    recalled = [
        one.select("content_id", "tag_id")
        for one in dataset.engine.map(lambda part: recall_candidates(part, history, graph), batches)
    ]
    presumed = collect_samples(history, pl.concat(recalled) if recalled else NOTHING_RECALLED)
    samples = correct_samples(presumed, dataset.read_cases(fused_tagset, raw_clues))
    right = int(samples["right"].sum())
    tables = {"knowledge_base": samples, "passages": dataset.read_passages()}
    counts = {"right": right, "wrong": len(samples) - right, "passages": len(tables["passages"])}
    return make_result(context, dataset, tables, **counts)


@dg.asset(**describe_asset("confidence_model", "knowledge", "scikitlearn"))
def confidence_model(
    context: dg.AssetExecutionContext,
    workbench: Workbench,
    raw_clues: pl.DataFrame,
    fused_tagset: pl.DataFrame,
    content_tag_graph: Tables,
    knowledge_base: pl.DataFrame,
) -> Result:
    dataset = workbench.open_for(context)
    materials = dataset.materials(fused_tagset, content_tag_graph, raw_clues)
    taught = raw_clues.join(knowledge_base, on="content_id", how="semi", maintain_order="left")
    pairs = map_contents(recall_pairs, taught, materials)
    samples = knowledge_base.join(pairs, on=["content_id", "tag_id"], maintain_order="left")
    tagging, single = dataset.settings.tagging, dataset.settings.task == "single"
    tables = fit_confidence(samples, 1 if single else tagging.top_k, tagging.target_precision, single=single)
    fitted = is_fitted(tables["confidence_model"])
    calibrated = "no: prior model" if not fitted else "yes"
    language, asked = calibrate_language_model(dataset, fused_tagset, content_tag_graph, raw_clues, knowledge_base)
    counts = {"fitted": fitted, "pairs": len(samples), "calibrated": calibrated, **asked}
    return make_result(context, dataset, tables | language, **counts)


@dg.asset(**describe_asset("tagged_output", "tagging"))
def tagged_output(
    context: dg.AssetExecutionContext,
    workbench: Workbench,
    raw_clues: Tables,
    fused_tagset: pl.DataFrame,
    content_tag_graph: Tables,
    knowledge_base: pl.DataFrame,
    confidence_model: Tables,
) -> Result:
    dataset = workbench.open_for(context)
    adds = is_increment(context) or is_retry(context) or carries(context)
    contents, stored = raw_clues["raw_clues"], read_stored(dataset, whole=adds)
    knowledge = dataset.gather_knowledge(fused_tagset, content_tag_graph, contents, knowledge_base)
    brain = dataset.tag_model(confidence_model, knowledge)
    version = make_vocabulary_version(fused_tagset, dataset.decisions.rules)
    cases = dataset.read_cases(fused_tagset, contents)
    judge = reuse_answers(dataset, brain, stored, cases, version, only_note=not (adds or dataset.asks))
    materials = dataset.materials(fused_tagset, content_tag_graph, contents, judge, samples=knowledge_base)
    settings = set_bands(dataset, confidence_model, judge)
    model = dataset.name_model(materials.tag_model)
    rest = describe_rest(dataset, judge, content_tag_graph, confidence_model, knowledge)
    if carries(context):
        return carry_output(context, dataset, fused_tagset, contents, settings, version, rest["samples"])
    placed = contents.filter(has_text() & pl.col("content_id").is_in(materials.space.contents["node"].implode()))
    if is_retry(context) and len(stored["content_status"]):
        failed = find_failed(stored, placed)
        settled = placed["content_id"].filter(~placed["content_id"].is_in(failed.implode()))
    else:
        decided = find_decided(stored, cases)
        settled = find_settled(stored, placed, model=model, version=version, held=rest)
        settled = settled.filter(is_increment(context) & ~settled.is_in(decided.implode()))
    asked = placed.filter(~pl.col("content_id").is_in(settled.implode()))
    account = Account(dataset)
    answered = dataset.load_tagger()(asked, materials)
    letters = materials.failures.join(asked, on="content_id", how="semi").sort("content_id", "task")
    judged = settle_candidates(answered.join(letters, on="content_id", how="anti"), cases, fused_tagset)
    spent = account.settle(len(asked) - judge.spared, letters["content_id"].n_unique())
    scored = judged.sort("content_id", -pl.col("confidence"), "tag")
    kept = keep_answers(judge, asked, letters, rest, (materials.cuts, stored["cuts"]))
    tables = keep_settled(stored, settled, scored, kept) | {"costs": add_costs(stored["costs"], model, spent)}
    cut = asked if is_retry(context) else placed  # what was settled is cut as the settings say now
    judged = tables["scored_candidates"].join(cut, on="content_id", how="semi", maintain_order="left")
    allowed = enforce_rules(judged, dataset.decisions.rules, fused_tagset, cut)
    tagged = rank_tags(allowed.kept, settings, model=model, version=version)
    tables["tagged_output"] = keep_ranked(stored["tagged_output"], settled, cut, tagged)
    status = account_contents(
        contents, raw_clues["quarantine"], tables["tagged_output"], placed["content_id"], tables["dead_letters"]
    )
    check_conservation(len(contents) + len(raw_clues["quarantine"]), status)
    tables["content_status"] = status
    counts = dict(status["status"].value_counts().sort("status").iter_rows())
    bands = tell_bands(tables["tagged_output"], settings)
    anew = len(asked) - judge.standing
    work = {"tagged_anew": anew, "kept_as_they_were": len(placed) - anew, "refused_by_rules": len(allowed.removed)}
    work |= {"shown_in_part": tables["cuts"]["content_id"].n_unique()} if len(tables["cuts"]) else {}
    counted = materials.counts | dataset.count_work() | tell_spread(tables["tagged_output"]) | tell_reasons(judge)
    return make_result(context, dataset, tables, **counts, **bands, **work, **counted)


@dg.asset(**describe_asset("evaluation_report", "evaluation"))
def evaluation_report(
    context: dg.AssetExecutionContext,
    workbench: Workbench,
    raw_clues: pl.DataFrame,
    fused_tagset: pl.DataFrame,
    content_tag_graph: Tables,
    knowledge_base: pl.DataFrame,
    confidence_model: Tables,
    tagged_output: Tables,
) -> Result:
    dataset = workbench.open_for(context)
    own, answered = dataset.settings.tagging.method, tagged_output["tagged_output"]
    gold = find_gold(raw_clues, resolve_tags(fused_tagset))
    test = raw_clues.filter(has_text()).join(gold.pairs, on="content_id", how="semi", maintain_order="left")
    scored = {own: tagged_output["scored_candidates"].join(test, on="content_id", how="semi")}
    knowledge = dataset.gather_knowledge(fused_tagset, content_tag_graph, raw_clues, knowledge_base)
    model = dataset.tag_model(confidence_model, knowledge)
    materials = dataset.materials(fused_tagset, content_tag_graph, raw_clues, model, samples=knowledge_base)
    compared = find_methods(context) or list_compared(dataset.settings)
    ablations = wants_ablations(context)
    entrants = list_entrants(dataset, [method for method in compared if method != own], ablations=ablations)
    runs = run_methods(dataset, entrants if len(test) else [], test, materials)
    scored |= runs.scored
    single, thresholds = dataset.settings.task == "single", find_thresholds(dataset, confidence_model, model)
    rows = report_methods(scored, answered, gold, own, thresholds, single=single)
    tables = report_tag_sets(raw_clues, answered, fused_tagset, dataset.encoder, dataset.settings.language)
    about_tags = tables["evaluation_report"]
    tables["evaluation_report"] = pl.concat([rows.select(about_tags.columns), about_tags])
    tables |= report_curves(scored, gold, own, single=single)
    tables |= report_details(answered, scored, test, fused_tagset, gold)
    tables["method_costs"] = report_costs(own, tagged_output, runs.costs)
    asked = test if ablations else test.clear()
    artifacts = (fused_tagset, content_tag_graph, knowledge_base)
    tables["clue_results"] = ablate_clues(dataset, raw_clues, asked, scored[own], artifacts, model)
    page = write_report(dataset, tables, make_vocabulary_version(fused_tagset, dataset.decisions.rules))
    counts = {"scored_contents": len(test), "held_out": gold.held_out, "proposed_anew": model.proposed}
    return make_result(
        context, dataset, tables, **counts, **dataset.count_work(), report=dg.MetadataValue.path(str(page))
    )


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
    emerging_tags,
    evaluation_report,
]
"""In the order of the way of a content."""
