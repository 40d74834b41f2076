"""What a run would ask a language model, counted by the code that would ask it, before anything is sent or paid."""

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from tagflow.adapters.integer_product import find_integer_product
from tagflow.adapters.rehearsal import RehearsedModel
from tagflow.adapters.response_journal import ResponseJournal
from tagflow.clues.conversion import has_text
from tagflow.confidence.features import FEATURES
from tagflow.confidence.reconciliation import find_failed
from tagflow.errors import ArtifactError
from tagflow.evaluation.gold import find_gold
from tagflow.graph.insertion import embed_contents
from tagflow.knowledge.injection import NEIGHBOURS, Knowledge
from tagflow.materials import BATCH
from tagflow.pipeline.estimates import History, draw_up, open_history
from tagflow.pipeline.language_calibration import draw_labelled
from tagflow.pipeline.language_desk import LanguageDesk
from tagflow.pipeline.resources import Dataset
from tagflow.pipeline.standing import reuse_answers
from tagflow.pipeline.upcoming import insert_contents_of_today, read_contents
from tagflow.ports import TagModel
from tagflow.schemas import ARTIFACTS, CANDIDATE_TAGS, CONTENT_TAG_GRAPH, FUSED_TAGSET, KNOWLEDGE_BASE, TAGGED_OUTPUT
from tagflow.tables import Tables
from tagflow.taggers import choose_settings, find_obstacle, list_compared
from tagflow.tagmodels.reuse import ReusingTagModel
from tagflow.tagset.assembly import assemble_tagset
from tagflow.tagset.filtering import count_tags, filter_tags
from tagflow.tagset.generation import find_unproposed
from tagflow.tagset.vocabulary import collect_uses, make_vocabulary_version, resolve_tags

ASKS = {"taggpt_generative": ("propose",), "taggpt_selective": ("select",), "llm4tag": ("select", "judge")}
"""What a tagging method asks for a content; a method that is not here is rehearsed only with a tag set at hand."""

SHOWN_TAGS = 8  # ours: tags of a sample that stands in for one not found yet


@dataclass(frozen=True)
class Plan:
    """What a run would ask.

    Attributes:
        lines: ``PLAN`` columns, by asset and task in the order of the run.
        probed: whether it is known what the endpoint does.
        built: whether a tag set and a graph stand, by which selection was counted.
        steady: whether they will stand: nothing was added, changed or is still to be proposed.
        stale: contents whose answers do not stand any more, by why; with what stands now.
        standing: contents whose answers do.
        history: what earlier runs of the dataset say about the answers.
    """

    lines: pl.DataFrame
    probed: bool
    built: bool
    steady: bool
    history: History
    stale: dict[str, int] = field(default_factory=dict)
    standing: int = 0


class Rehearsal:
    """The assets that ask a language model, each put through its questions with a model that sends nothing."""

    def __init__(
        self,
        dataset: Dataset,
        desk: LanguageDesk,
        journal: ResponseJournal | None,
        selected: Collection[str],
        *,
        failed: bool,
    ) -> None:
        """Rehearse the dataset's next run.

        Args:
            dataset: opened.
            desk: its deployment is the one that would be asked.
            journal: the answers there are; None where nothing was ever asked.
            selected: the assets of the run; what others made is taken as it is stored.
            failed: whether only contents without an answer are asked about.
        """
        self._selected, self._failed = selected, failed
        self._dataset, self._asked = dataset, dataset.settings
        self.model = RehearsedModel(desk.deployment.base_url, desk.deployment.model, journal)
        self.steady = True
        self.reused: ReusingTagModel | None = None

    @cached_property
    def _contents(self) -> pl.DataFrame:
        store, name = self._dataset.store, self._dataset.name
        if "raw_clues" not in self._selected and store.exists(name, "raw_clues"):
            return store.read(name, "raw_clues")
        return read_contents(self._dataset)

    @cached_property
    def _built(self) -> tuple[pl.DataFrame, Tables] | None:
        """Tag set and graph as they stand, with the contents of today in the graph; None where there are none."""
        dataset, tagset = self._dataset, self._dataset.read_previous(FUSED_TAGSET)["fused_tagset"]
        known = dataset.read_previous(CONTENT_TAG_GRAPH)
        if tagset.is_empty() or known["vectors"].is_empty():
            return None
        if "content_tag_graph" not in self._selected:
            return tagset, known
        graph, changed = insert_contents_of_today(dataset, self._contents, tagset)
        self.steady = self.steady and not changed
        return tagset, graph

    def rehearse(self) -> bool:
        """Put every asset through its questions; return whether a tag set and a graph were at hand."""
        self._propose()
        self._confirm()
        try:
            built = self._built
            if built is not None:
                self._tag(*built)
        except ArtifactError:  # made with another encoder or another tag set: the run will make them anew
            built = None
        if built is None:
            self._estimate()
        return built is not None

    def _propose(self) -> None:
        if "candidate_tags" not in self._selected:
            return
        self.model.stage = "candidate_tags"
        model = self._dataset.tag_model(model=self.model)
        known = self._dataset.read_previous(CANDIDATE_TAGS)
        asked = find_unproposed(self._contents, known, model.proposer)
        self.steady = not len(asked) or "fused_tagset" not in self._selected
        model.propose(asked)

    def _confirm(self) -> None:
        """Pairs are found by the tag set's construction; while proposals are to come, stand-ins are asked about."""
        dataset = self._dataset
        if not self._asked.llm.confirmations or "fused_tagset" not in self._selected:
            return
        self.model.stage = "fused_tagset"
        if not self.steady or not dataset.store.exists(dataset.name, "candidate_tags"):
            return self._guess_pairs()
        listed = dataset.read_tag_list()
        candidates = dataset.store.read(dataset.name, "candidate_tags")
        uses = collect_uses(self._contents, candidates, listed, self._asked.vocabulary)
        fit = self._contents.filter((pl.col("split") == "fit") & has_text())
        filtered = filter_tags(count_tags(uses), len(fit), self._asked.vocabulary, dataset.decisions.banned)
        previous = dataset.read_previous(FUSED_TAGSET)["fused_tagset"]
        contents = (fit["content_id"], lambda: embed_contents(fit, dataset.encoder))
        given = (filtered, uses, listed, previous, dataset.decisions, contents, dataset.encoder)
        assemble_tagset(
            *given, dataset.thresholds, self._asked, dataset.confirm_pairs(self.model), find_integer_product
        )

    def _guess_pairs(self) -> None:
        ask = self._dataset.confirm_pairs(self.model)
        numbers = pl.DataFrame({"number": range(self._asked.llm.confirmations)})
        sides = (pl.format("a stand-in {}", "number"), pl.format("another {}", "number"))
        self.model.guessing = True
        if ask is not None:
            ask(numbers.select(left=sides[0], right=sides[1]))
        self.model.guessing = False

    def _tag(self, tagset: pl.DataFrame, graph: Tables) -> None:
        dataset, own = self._dataset, self._asked.tagging.method
        nodes = graph["vectors"].filter(pl.col("node_kind") == "content")["node"]
        placed = self._contents.filter(has_text() & pl.col("content_id").is_in(nodes.implode()))
        samples = dataset.read_previous(KNOWLEDGE_BASE)["knowledge_base"]
        knowledge = dataset.gather_knowledge(tagset, graph, self._contents, samples)
        labelled = draw_labelled(placed, samples, self._asked)
        gold = find_gold(self._contents, resolve_tags(tagset))
        test = placed.join(gold.pairs, on="content_id", how="semi", maintain_order="left")
        for stage, methods, contents in self._list_stages(own, labelled, placed, test):
            self.model.stage = stage
            model: TagModel = dataset.tag_model(None, knowledge, self.model)
            if stage == "tagged_output":
                model = self.reused = self._look_back(model, tagset)
            materials = dataset.materials(tagset, graph, self._contents, model, self.model, samples=samples)
            for method in methods:
                if find_obstacle(method, contents, materials) is None:
                    dataset.load_tagger(method)(contents, materials)

    def _look_back(self, brain: TagModel, tagset: pl.DataFrame) -> ReusingTagModel:
        """The answers of the last run before the brain; where tag set or graph change, all may have to be asked."""
        dataset = self._dataset
        cases, version = (
            dataset.read_cases(tagset, self._contents),
            make_vocabulary_version(tagset, dataset.decisions.rules),
        )
        stored = dataset.read_previous(TAGGED_OUTPUT)
        return reuse_answers(dataset, brain, stored, cases, version, only_note=not self.steady)

    def _estimate(self) -> None:
        """Selection and judgement of stand-ins: as many candidates as are shown, with names as long as labels are."""
        self.steady = False
        placed = self._contents.filter(has_text())
        test = placed.filter((pl.col("split") == "test") & (pl.col("labels").list.len() > 0))
        labels = placed.filter(pl.col("labels").list.len() > 0).select("content_id", right=True)
        labelled = draw_labelled(placed, labels, self._asked)
        rest = placed.join(labelled, on="content_id", how="anti", maintain_order="left")
        for stage, methods, contents in self._list_stages(self._asked.tagging.method, labelled, rest, test):
            self.model.stage = stage
            knowledge = self._stand_in(placed, contents)
            model = self._dataset.tag_model(None, knowledge, self.model)
            for method in methods:
                asks, settings = ASKS.get(method, ()), choose_settings(self._asked, method)
                if "propose" in asks:
                    model.propose(contents)
                self.model.guessing = True
                for part in contents.iter_slices(BATCH) if "select" in asks else ():
                    chosen = model.select(_pair(part, knowledge.tagset), part)
                    chosen = model.rerank(chosen, part) if settings.get("rerank") else chosen
                    if "judge" in asks:
                        model.judge(chosen, part)
                self.model.guessing = False

    def _list_stages(
        self, own: str, labelled: pl.DataFrame, placed: pl.DataFrame, test: pl.DataFrame
    ) -> list[tuple[str, list[str], pl.DataFrame]]:
        others = list_compared(self._asked) if len(test) else []
        if self._failed:
            placed = find_failed_contents(self._dataset, placed)
        own_one = [own] if len(labelled) else []
        stages = [("confidence_model", own_one, labelled), ("tagged_output", [own], placed)]
        return [one for one in [*stages, ("evaluation_report", others, test)] if one[0] in self._selected and one[1]]

    def _stand_in(self, placed: pl.DataFrame, contents: pl.DataFrame) -> Knowledge:
        """A tag set of the commonest labels, filled up, and the first labelled contents as everybody's samples."""
        limits = self._asked.llm
        labels = placed["labels"].explode().drop_nulls().value_counts(sort=True)["labels"].to_list()
        names = [*dict.fromkeys([*labels, *(f"a stand-in {number:02}" for number in range(limits.candidates))])]
        columns = {
            name: pl.lit(None, column.dtype) for name, column in FUSED_TAGSET.tables["fused_tagset"].columns.items()
        }
        tagset = pl.DataFrame({"tag": names[: limits.candidates]}).with_columns(
            **{name: value for name, value in columns.items() if name != "tag"}
        )
        tagset = tagset.with_columns(
            tag_id=pl.format("stand-in-{}", pl.int_range(pl.len())), aliases=pl.lit([], pl.List(pl.String))
        )
        taught = placed.filter((pl.col("split") == "fit") & (pl.col("labels").list.len() > 0)).head(limits.shown)
        told = taught.select("content_id").join(tagset.select("tag_id").head(SHOWN_TAGS), how="cross")
        samples = KNOWLEDGE_BASE.tables["knowledge_base"].shape(
            told.with_columns(right=pl.lit(True), origin=pl.lit("annotated"))
        )
        near = contents.select("content_id").join(taught.select(neighbour="content_id"), how="cross")
        neighbours = near.with_columns(weight=pl.lit(1.0)).select(list(NEIGHBOURS)).cast(NEIGHBOURS)
        return Knowledge(tagset, self._dataset.decisions.rules, samples, taught, neighbours)


def find_failed_contents(dataset: Dataset, placed: pl.DataFrame) -> pl.DataFrame:
    """Return the contents that had no answer when they were last asked about."""
    failed = find_failed(dataset.read_previous(TAGGED_OUTPUT), placed)
    return placed.filter(pl.col("content_id").is_in(failed.implode()))


def plan_run(dataset: Dataset, selected: Collection[str] = tuple(ARTIFACTS), *, failed: bool = False) -> Plan | None:
    """Return what a run of the dataset would ask, or None: its brain is embedded, and nothing is paid.

    Args:
        dataset: opened.
        selected: names of the run's assets; all without it.
        failed: whether only contents without an answer are asked about.

    Raises:
        ConfigError: its contents cannot be read.
    """
    desk = dataset.desk
    if desk is None or not dataset.asks:
        return None
    with open_history(dataset.folder.parent, dataset.name) as (journal, history):
        rehearsal = Rehearsal(dataset, desk, journal, selected, failed=failed)
        built = rehearsal.rehearse()
    lines = draw_up(rehearsal.model, dataset.settings, desk.deployment.price, history, steady=rehearsal.steady)
    stale, standing = (reused.reasons, reused.standing) if (reused := rehearsal.reused) else ({}, 0)
    return Plan(lines, rehearsal.model.probed, built, rehearsal.steady, history, stale, standing)


def _pair(contents: pl.DataFrame, tagset: pl.DataFrame) -> pl.DataFrame:
    """Every content with every tag, and recall features that say nothing."""
    pairs = contents.select("content_id").join(tagset.select("tag_id"), how="cross")
    return pairs.with_columns(pl.lit(0.0).alias(name) for name in FEATURES).with_columns(annotated=pl.lit(False))
