"""What the assets work with: the data folder, the store, and the brain of a dataset."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import dagster as dg
import polars as pl

from tagflow.adapters.data_folder import find_data
from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.adapters.local_engine import LocalEngine
from tagflow.adapters.neighbours import choose_index
from tagflow.adapters.progress import LogProgress, TerminalProgress
from tagflow.adapters.sentence_encoder import SentenceEncoder
from tagflow.adapters.vector_cache import RememberingEncoder
from tagflow.confidence.features import open_space
from tagflow.confidence.model import describe_prior_model
from tagflow.graph.insertion import BuildIndex, describe_vectors, embed_contents, insert_contents
from tagflow.materials import Materials, gather_materials
from tagflow.ports import Engine, Progress
from tagflow.settings import (
    DatasetSettings,
    Thresholds,
    VocabularyDecisions,
    find_thresholds,
    load_decisions,
    load_settings,
)
from tagflow.tables import Tables
from tagflow.taggers import check_methods
from tagflow.tagmodels.embedded import EmbeddedTagModel


@dataclass(frozen=True)
class Dataset:
    """One dataset, opened: its settings, and the tools made by them."""

    name: str
    folder: Path
    settings: DatasetSettings
    decisions: VocabularyDecisions
    store: DuckDBStore
    progress: Progress
    opened: float = field(default_factory=time.monotonic)

    @cached_property
    def engine(self) -> Engine:
        """Runs batches."""
        return LocalEngine()

    @cached_property
    def encoder(self) -> RememberingEncoder:
        """The encoder of contents and tags; it remembers."""
        return RememberingEncoder(self._plain_encoder, self.store, self.name)

    @property
    def thresholds(self) -> Thresholds:
        """Cosines of this dataset's encoder."""
        return find_thresholds(self.settings)

    @property
    def build_index(self) -> BuildIndex:
        """Makes nearest-neighbour indexes."""
        return choose_index(self.settings.graph.index)

    def tag_model(self, confidence: pl.DataFrame | None = None) -> EmbeddedTagModel:
        """Return the tag model; without a confidence model it judges by the prior one."""
        model = describe_prior_model() if confidence is None else confidence
        proposals = self.settings.vocabulary.proposals
        return EmbeddedTagModel(self.encoder, self._plain_encoder, self.engine, model, proposals=proposals)

    def materials(self, tagset: pl.DataFrame, graph: Tables, confidence: pl.DataFrame | None = None) -> Materials:
        """Return what a tagging method may use."""
        brain = (self.encoder, self.tag_model(confidence))
        return gather_materials(self.settings, self.thresholds, tagset, graph, brain, self.engine, self.build_index)

    def insert(self, contents: pl.DataFrame, known: pl.DataFrame, graph: Tables) -> Tables:
        """Return the graph with new contents in it: their vectors and similarity edges, and all that was there.

        Args:
            contents: the new contents.
            known: the contents of the graph, for their content hashes.
            graph: ``content_tag_graph`` as stored.
        """
        vectors = embed_contents(contents, self.encoder)
        space = open_space(graph["vectors"])
        voting = graph["content_tag_graph"].filter(pl.col("kind") == "deterministic").select("content_id").unique()
        voters = known.join(voting, on="content_id", how="semi", maintain_order="left").join(
            space.contents.rename({"node": "content_id"}), on="content_id", maintain_order="left"
        )
        edges = insert_contents(
            contents,
            vectors,
            (voters, space.content_vectors[voters["row"].to_numpy()]),
            (space.tags["node"], space.tag_vectors),
            self.build_index,
            self.settings.graph,
            self.thresholds,
        )
        nodes = describe_vectors(contents["content_id"], "content", vectors, self.encoder.fingerprint)
        return {
            "content_tag_graph": pl.concat([graph["content_tag_graph"], edges]),
            "vectors": pl.concat([graph["vectors"], nodes]),
        }

    @cached_property
    def _plain_encoder(self) -> SentenceEncoder:
        asked = self.settings.encoder
        return SentenceEncoder(asked.model, asked.precision, asked.batch, self.engine, self.progress)


class Workbench(dg.ConfigurableResource[None]):
    """Opens datasets and their store.

    Attributes:
        data: the data folder; empty for ``TAGFLOW_DATA`` or the checkout's.
        progress: how long work is followed: lines in the run's log, or bars in a terminal.
    """

    data: str = ""
    progress: Literal["log", "terminal"] = "log"

    def folder(self) -> Path:
        """Return the data folder."""
        return Path(self.data) if self.data else find_data()

    def store(self) -> DuckDBStore:
        """Return the store of all artifacts."""
        return DuckDBStore(self.folder() / "warehouse")

    def open(self, name: str, say: Callable[[str], object]) -> Dataset:
        """Open a dataset.

        Args:
            name: the dataset.
            say: takes progress lines, in log mode.

        Raises:
            ConfigError: there is no such dataset, or its files do not say what they may.
        """
        settings, folder = load_settings(self.folder(), name), self.folder() / name
        check_methods(settings, str(folder / "dataset.yaml"))
        progress = TerminalProgress() if self.progress == "terminal" else LogProgress(say)
        return Dataset(name, folder, settings, load_decisions(self.folder(), name), self.store(), progress)
