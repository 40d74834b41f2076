"""Runs several tagging methods on the same contents; what cannot run says why and stops no other."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from tagflow.materials import Materials
from tagflow.pipeline.resources import Dataset
from tagflow.tables import Tables
from tagflow.taggers import find_obstacle

KNOWLEDGE = ("raw_clues", "fused_tagset", "content_tag_graph", "confidence_model")
"""Artifacts that a method needs to run."""


@dataclass(frozen=True)
class MethodRuns:
    """What the methods gave.

    Attributes:
        scored: ``scored_candidates`` of each method that ran, in the order they were asked for.
        obstacles: why each other one did not run.
        seconds: processor seconds of each method that ran.
    """

    scored: dict[str, pl.DataFrame] = field(default_factory=dict)
    obstacles: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


def run_methods(dataset: Dataset, methods: Sequence[str], contents: pl.DataFrame, materials: Materials) -> MethodRuns:
    """Run every method on the contents.

    Args:
        dataset: gives each method its settings, and is told what does not run.
        methods: their names.
        contents: contents with text that are in the graph (``raw_clues`` columns).
        materials: what every method may use.
    """
    runs = MethodRuns()
    for number, method in enumerate(methods, start=1):
        obstacle = find_obstacle(method, contents, materials)
        if obstacle is not None:
            runs.obstacles[method] = obstacle
            dataset.progress.say(f"{method}: not run: {obstacle}")
            continue
        started = time.process_time()
        runs.scored[method] = dataset.load_tagger(method)(contents, materials)
        runs.seconds[method] = time.process_time() - started
        dataset.progress.say(
            f"{method}: {number} of {len(methods)} methods, {len(contents):,} contents, "
            f"{runs.seconds[method]:.1f} s of processor time"
        )
    return runs


def open_materials(dataset: Dataset, tables: dict[str, Tables]) -> Materials:
    """Return the materials of the artifacts as stored, with the dataset's own brain.

    Args:
        dataset: the dataset.
        tables: the artifacts of ``KNOWLEDGE``, by name.

    Raises:
        ArtifactError: the graph was made with another encoder or for another tag set.
    """
    contents, tagset = tables["raw_clues"]["raw_clues"], tables["fused_tagset"]["fused_tagset"]
    graph = tables["content_tag_graph"]
    told = dataset.gather_knowledge(tagset, graph, contents)
    model = dataset.tag_model(tables["confidence_model"]["confidence_model"], told)
    return dataset.materials(tagset, graph, contents, model)
