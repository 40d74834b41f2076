"""What the assets work with: the data folder, the store, and the brain of a dataset."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Literal
from uuid import uuid4

import dagster as dg
import polars as pl
from pydantic import PrivateAttr

from tagflow.adapters.correction_file import read_corrections
from tagflow.adapters.data_folder import find_data
from tagflow.adapters.decision_file import read_decisions
from tagflow.adapters.domain_texts import read_domain_texts
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.adapters.external_results import read_results
from tagflow.adapters.local_engine import LocalEngine
from tagflow.adapters.neighbours import choose_index
from tagflow.adapters.ngram_encoder import NgramEncoder
from tagflow.adapters.progress import LogProgress, TerminalProgress
from tagflow.adapters.proposal_cache import RememberingTagModel
from tagflow.adapters.segmenters import find_segmenter
from tagflow.adapters.sentence_encoder import SentenceEncoder
from tagflow.adapters.tag_list_reader import read_tag_list
from tagflow.adapters.vector_cache import RememberingEncoder
from tagflow.confidence.model import describe_prior_model
from tagflow.decisions import VocabularyDecisions
from tagflow.graph.growth import NO_GROWTH, collect_answers, drop_stale, grow_pairs
from tagflow.graph.insertion import BuildIndex, extend_graph
from tagflow.graph.lexical import Lexicon, open_lexicon
from tagflow.knowledge.corrections import Cases, resolve_corrections
from tagflow.knowledge.injection import Knowledge, find_neighbours
from tagflow.knowledge.passages import define_tags, split_passages
from tagflow.materials import Materials, Tagger, gather_materials
from tagflow.pipeline.language_desk import LanguageDesk, make_brain, make_interview, open_desk
from tagflow.pipeline.staging import Context, Runs, StagedRun
from tagflow.ports import Engine, LanguageModel, Progress, TagModel
from tagflow.schemas import CONTENT_TAG_GRAPH, FUSED_TAGSET, KNOWLEDGE_BASE, TAGGED_OUTPUT
from tagflow.settings import (
    NGRAMS,
    DatasetSettings,
    Thresholds,
    find_thresholds,
    load_settings,
)
from tagflow.tables import Artifact, Tables
from tagflow.taggers import check_methods, choose_settings, load_tagger, name_model
from tagflow.tagmodels.embedded import EmbeddedTagModel
from tagflow.tagmodels.llm import LLMTagModel
from tagflow.tagset.fusion import SURE, Ask
from tagflow.tagset.vocabulary import resolve_tags


@dataclass(frozen=True)
class Dataset:
    """One dataset, opened: its settings, and the tools made by them."""

    name: str
    folder: Path
    settings: DatasetSettings
    decisions: VocabularyDecisions
    store: DuckDBStore
    progress: Progress
    remember: bool = True
    desk: LanguageDesk | None = None
    opened: float = field(default_factory=time.monotonic)

    @property
    def asks(self) -> bool:
        """Whether a language model is its brain; else the desk is there for methods that ask by themselves."""
        return self.settings.brain == "llm"

    @cached_property
    def engine(self) -> Engine:
        """Runs batches."""
        return LocalEngine()

    @cached_property
    def encoder(self) -> RememberingEncoder:
        """The encoder of contents and tags; it remembers, on disk where that is cheaper than computing."""
        keep = self.remember and self.settings.encoder_model() != NGRAMS
        return RememberingEncoder(self._plain_encoder, self.store, self.name, keep=keep)

    @cached_property
    def lexicon(self) -> Lexicon:
        """What weighs words, as counted at the last refresh."""
        return open_lexicon(self.store.read_all(self.name, "fitted_encoder"), self.settings.language)

    @property
    def thresholds(self) -> Thresholds:
        """Cosines of this dataset's encoder."""
        return find_thresholds(self.settings)

    @property
    def build_index(self) -> BuildIndex:
        """Makes nearest-neighbour indexes."""
        return choose_index(self.settings.graph.index)

    def tag_model(
        self,
        confidence: Tables | None = None,
        knowledge: Knowledge | None = None,
        model: LanguageModel | None = None,
    ) -> RememberingTagModel:
        """Return the dataset's tag model, which remembers what it proposed.

        Args:
            confidence: ``confidence_model``; without one the embedded tag model judges by the prior.
            knowledge: what a language model is told.
            model: the language model in the place of the deployment's.
        """
        fitted = confidence or {}
        given = (knowledge, model, fitted.get("rungs"))
        brain = self._make_brain(*given) if self.asks else self.embedded_model(fitted.get("confidence_model"))
        return RememberingTagModel(brain, self.store, self.name, keep=self.remember and model is None)

    def _make_brain(
        self, knowledge: Knowledge | None, model: LanguageModel | None, rungs: pl.DataFrame | None = None
    ) -> LLMTagModel:
        assert self.desk is not None
        told = knowledge or Knowledge(FUSED_TAGSET.tables["fused_tagset"].empty(), self.decisions.rules)
        given = (self.settings, self.folder, told, self.desk.deployment.context, (self.engine, self.progress))
        return make_brain(model or self.desk.endpoint, *given, self.desk.open_model if model is None else None, rungs)

    def embedded_model(self, confidence: pl.DataFrame | None = None) -> EmbeddedTagModel:
        """Return the embedded tag model; without a confidence model it judges by the prior."""
        judge = describe_prior_model() if confidence is None else confidence
        proposals = self.settings.vocabulary.proposals
        encoders = (self.encoder, self._plain_encoder)
        return EmbeddedTagModel(*encoders, self.engine, judge, proposals=proposals, find_segmenter=find_segmenter)

    def confirm_pairs(self, model: LanguageModel | None = None) -> Ask | None:
        """Return what asks the language model about pairs of near tags; None where nothing is to be asked."""
        if not self.asks or not self.settings.llm.confirmations:
            return None
        brain = self._make_brain(None, model)
        return lambda pairs: brain.confirm(pairs).select(said=pl.col("choice") >= SURE).to_series()

    def describe_tags(
        self, tags: pl.DataFrame, examples: pl.DataFrame, model: LanguageModel | None = None
    ) -> pl.DataFrame:
        """Return what the language model says that tags stand for (see ``LLMTagModel.describe``)."""
        return self._make_brain(None, model).describe(tags, examples)

    def gather_knowledge(
        self, tagset: pl.DataFrame, graph: Tables, raw_clues: pl.DataFrame, samples: pl.DataFrame
    ) -> Knowledge | None:
        """Return what the brain is told of tags and contents; None for the embedded tag model.

        Args:
            tagset: ``fused_tagset``.
            graph: ``content_tag_graph``; its similarity edges say which contents are alike.
            raw_clues: the contents.
            samples: ``knowledge_base``.
        """
        return self._gather(tagset, graph, raw_clues, samples) if self.asks else None

    def _gather(
        self, tagset: pl.DataFrame, graph: Tables, raw_clues: pl.DataFrame, samples: pl.DataFrame | None
    ) -> Knowledge:
        samples = KNOWLEDGE_BASE.tables["knowledge_base"].empty() if samples is None else samples
        taught = raw_clues.join(samples, on="content_id", how="semi")
        similarity = graph["content_tag_graph"].filter(pl.col("kind") == "similarity")
        told = define_tags(tagset, self.read_passages())
        return Knowledge(told, self.decisions.rules, samples, taught, find_neighbours(similarity))

    def materials(
        self,
        tagset: pl.DataFrame,
        graph: Tables,
        raw_clues: pl.DataFrame,
        tag_model: TagModel | None = None,
        language: LanguageModel | None = None,
        *,
        samples: pl.DataFrame | None = None,
    ) -> Materials:
        """Return what a tagging method may use.

        ``language`` takes the place of the deployment's language model; ``samples`` (``knowledge_base``) is what a
        method that asks by itself is told.
        """
        brain = (self.encoder, tag_model or self.embedded_model())
        tools = (self.engine, self.build_index)
        given = (self.settings, self.thresholds, tagset, graph, brain, *tools, raw_clues)
        read = partial(read_results, self.folder)
        interview = None
        if self.desk is not None:
            told = partial(self._gather, tagset, graph, raw_clues, samples)
            find = None if language is None else lambda name: language
            interview = make_interview(self.desk, self.settings, self.folder, told, (self.engine, self.progress), find)
        return gather_materials(*given, self._open_encoder, self.progress.say, read, interview)

    def load_tagger(self, method: str | None = None) -> Tagger:
        """Return the dataset's method, or another one, with the settings that the dataset gives it."""
        chosen = method or self.settings.tagging.method
        return load_tagger(chosen, choose_settings(self.settings, chosen))

    def name_model(self, tag_model: TagModel) -> str:
        """Return what tags this dataset, for people."""
        asked, tagging = self.desk.deployment.model if self.desk else "", self.settings.tagging
        return name_model(tagging.method, tag_model, tagging.settings, asked)

    def insert(self, contents: pl.DataFrame, known: pl.DataFrame, graph: Tables) -> Tables:
        """Return the graph with new contents in it (see ``extend_graph``)."""
        tools = (self.encoder, self.build_index, self.settings.graph, self.thresholds, self.lexicon)
        return extend_graph(graph, known, contents, self.store.read(self.name, "fused_tagset"), *tools)

    def grow(self, raw_clues: pl.DataFrame, tagset: pl.DataFrame, history: pl.DataFrame, cases: Cases) -> pl.DataFrame:
        """Return the ``grown`` pairs of today: those of the stored answers, and older ones that live; none by default.

        Args:
            raw_clues: the contents.
            tagset: ``fused_tagset``.
            history: the deterministic edges of today.
            cases: people's corrections.
        """
        if not self.settings.graph.grow:
            return NO_GROWTH
        known = drop_stale(self.read_previous(CONTENT_TAG_GRAPH)["grown"], raw_clues, tagset)
        answers = collect_answers(self.read_previous(TAGGED_OUTPUT), raw_clues, tagset)
        today = datetime.now(UTC).date()
        return grow_pairs(known, answers, history, cases.pairs, self.settings.graph.grown_days, today)

    def read_tag_list(self) -> pl.DataFrame:
        """Return the user's own tag list; empty if the dataset names none."""
        return read_tag_list(self.folder, self.settings.vocabulary.file, self.settings.language)

    def read_passages(self) -> pl.DataFrame:
        """Return the passages of the domain texts; empty if there are none."""
        return split_passages(read_domain_texts(self.folder))

    def read_cases(self, tagset: pl.DataFrame, raw_clues: pl.DataFrame) -> Cases:
        """Return people's corrections as they hold now."""
        return resolve_corrections(read_corrections(self.folder), resolve_tags(tagset), raw_clues)

    def read_previous(self, artifact: Artifact) -> Tables:
        """Return an artifact as it stands, with empty tables where it was not made or declared otherwise then."""
        empty = {name: table.empty() for name, table in artifact.tables.items()}
        if not self.store.exists(self.name, artifact.name):
            return empty
        stored = self.store.read_all(self.name, artifact.name)
        same = {name: name in stored and stored[name].columns == frame.columns for name, frame in empty.items()}
        return {name: stored[name] if same[name] else frame for name, frame in empty.items()}

    def count_work(self) -> dict[str, int | float | str]:
        """Return what was computed, asked and paid, and what was known already, for a run's metadata."""
        computed = self.encoder.computed
        asked = self.desk.count() if self.desk else {}
        unusable = self.encoder.unusable + self._plain_encoder.unusable
        if unusable:
            self.progress.say(f"{unusable:,} texts have no finite vector: they are tagged by their words alone")
            asked["vectors_not_finite"] = unusable
        return asked | {
            "vectors_computed": computed,
            "vectors_reused": self.encoder.reused,
            "phrases_embedded": self._plain_encoder.encoded - computed,
        }

    @cached_property
    def _plain_encoder(self) -> SentenceEncoder | NgramEncoder:
        model = self.settings.encoder_model()
        if model == NGRAMS:
            fitted = self.store.read_all(self.name, "fitted_encoder")
            return NgramEncoder(fitted, self.settings.language, self.engine, self.progress)
        return self._open_encoder(model)

    def _open_encoder(self, model: str) -> SentenceEncoder:
        asked = self.settings.encoder
        return SentenceEncoder(model, asked.precision, asked.batch, self.engine, self.progress)


class Workbench(dg.ConfigurableResource[None]):
    """Opens datasets and their store.

    Attributes:
        data: the data folder; empty for ``TAGFLOW_DATA`` or the checkout's.
        progress: how long work is followed: lines in the run's log, or bars in a terminal.
        patience: seconds that a run waits for another run of its dataset to end. Ours: an hour.
    """

    data: str = ""
    progress: Literal["log", "terminal"] = "log"
    patience: float = 3600.0
    _desks: list[LanguageDesk] = PrivateAttr(default_factory=list)
    _runs: Runs = PrivateAttr(default_factory=Runs)

    def folder(self) -> Path:
        """Return the data folder."""
        return Path(self.data) if self.data else find_data()

    def store(self) -> DuckDBStore:
        """Return the store of all artifacts; after a step of a run asked for it, the one of that run."""
        return self._runs.store(self.folder())

    def store_for(self, context: Context) -> DuckDBStore:
        """Return the store as the run of a step sees it: what the run has made, and what it stands on."""
        self.run_for(context)
        return self.store()

    def run_for(self, context: Context) -> StagedRun | None:
        """Return the run of a step with what it has staged (see ``Runs.join``)."""
        return self._runs.join(context, self.folder(), self.patience)

    def open_for(self, context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> Dataset:
        """Open the dataset of a step's partition, as its run sees it."""
        self.run_for(context)
        stage = context.asset_key.path[-1] if isinstance(context, dg.AssetExecutionContext) else "check"
        return self.open(context.partition_key, context.log.info, run=context.run.run_id, stage=stage)

    def open(
        self,
        name: str,
        say: Callable[[str], object],
        *,
        remember: bool = True,
        run: str | None = None,
        stage: str = "command line",
    ) -> Dataset:
        """Open a dataset.

        Args:
            name: the dataset.
            say: takes progress lines, in log mode.
            remember: whether vectors and proposals that are computed are kept.
            run: id of the run, for which the budget holds; a new one if not given.
            stage: what asks, for the accounts.

        Raises:
            ConfigError: there is no such dataset, or its files do not say what they may.
        """
        settings, folder = load_settings(self.folder(), name), self.folder() / name
        check_methods(settings, str(folder / "dataset.yaml"))
        progress = TerminalProgress() if self.progress == "terminal" else LogProgress(say)
        books = (self.folder(), run or str(uuid4()), stage, progress.say, name)
        desk = open_desk(settings, str(folder / "dataset.yaml"), *books)
        if desk is not None:
            self._desks.append(desk)
        decisions = read_decisions(self.folder(), name)
        return Dataset(name, folder, settings, decisions, self.store(), progress, remember, desk)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close what the run opened, whether it ended well or not."""
        while self._desks:
            self._desks.pop().close()
        self._runs.leave(self.folder())
