"""Runs several tagging methods on the same contents; what cannot run says why and stops no other."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import polars as pl

from tagflow.clues.omission import list_fields, omit_field
from tagflow.evaluation.comparison import compare_clues
from tagflow.evaluation.gold import find_gold
from tagflow.graph.insertion import forget_contents
from tagflow.materials import Materials, Tagger
from tagflow.pipeline.costs import Account, refuse
from tagflow.pipeline.resources import Dataset
from tagflow.ports import TagModel
from tagflow.schemas import EVALUATION_REPORT
from tagflow.tables import Tables
from tagflow.taggers import find_obstacle, list_variants, load_tagger
from tagflow.tagset.vocabulary import resolve_tags

KNOWLEDGE = ("raw_clues", "fused_tagset", "content_tag_graph", "knowledge_base", "confidence_model")
"""Artifacts that a method needs to run."""


class Entrant(NamedTuple):
    """A method with settings, and what it is called in the tables."""

    label: str
    method: str
    tagger: Tagger


@dataclass(frozen=True)
class MethodRuns:
    """What the methods gave.

    Attributes:
        scored: ``scored_candidates`` of each method that ran, in the order they were asked for.
        costs: ``method_costs`` rows of all, those included that could not run.
    """

    scored: dict[str, pl.DataFrame] = field(default_factory=dict)
    costs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def obstacles(self) -> dict[str, str]:
        """Why each method that did not run could not."""
        return {row["method"]: row["not_run"] for row in self.costs if row["not_run"]}


def list_entrants(dataset: Dataset, methods: Sequence[str], *, ablations: bool = False) -> list[Entrant]:
    """Return the methods with their settings, and the dataset's own one without each of its parts if asked."""
    own, said = dataset.settings.tagging.method, dataset.settings.tagging.settings
    entrants = [Entrant(method, method, dataset.load_tagger(method)) for method in methods]
    for part, switched in list_variants(own).items() if ablations else ():
        entrants.append(Entrant(f"{own} {part}", own, load_tagger(own, {**said, **switched})))
    return entrants


def run_methods(
    dataset: Dataset, entrants: Sequence[Entrant], contents: pl.DataFrame, materials: Materials
) -> MethodRuns:
    """Run every method on the contents.

    Args:
        dataset: keeps the books, and is told what does not run.
        entrants: the methods.
        contents: contents with text that are in the graph (``raw_clues`` columns).
        materials: what every method may use.
    """
    runs = MethodRuns()
    for number, (label, method, tagger) in enumerate(entrants, start=1):
        obstacle = find_obstacle(method, contents, materials)
        if obstacle is not None:
            runs.costs.append({"method": label, **refuse(obstacle)})
            dataset.progress.say(f"{label}: not run: {obstacle}")
            continue
        own = materials.renew()
        account, failed = Account(dataset), len(own.failures)
        runs.scored[label] = tagger(contents, own)
        spent = account.settle(len(contents), len(own.failures) - failed)
        runs.costs.append({"method": label, **spent, "not_run": None})
        took = f"{len(contents):,} contents, {spent['seconds']:.1f} s of one core"
        dataset.progress.say(f"{label}: {number} of {len(entrants)} methods, {took}")
    return runs


def ablate_clues(
    dataset: Dataset,
    raw_clues: pl.DataFrame,
    test: pl.DataFrame,
    scored: pl.DataFrame,
    artifacts: tuple[pl.DataFrame, Tables, pl.DataFrame],
    model: TagModel,
) -> pl.DataFrame:
    """Return the ``clue_results``: what each field earns the own method on the test contents that have it, if any.

    Each time the contents enter the graph anew without the field, as if they had never had it; nothing is refitted.

    Args:
        dataset: the dataset.
        raw_clues: all contents.
        test: the test contents with gold.
        scored: ``scored_candidates`` of the own method on them.
        artifacts: ``fused_tagset``, ``content_tag_graph`` and ``knowledge_base``.
        model: the tag model that judges.
    """
    empty = EVALUATION_REPORT.tables["clue_results"].empty()
    if not len(test):
        return empty
    tagset, graph, samples = artifacts
    gold, parts = find_gold(raw_clues, resolve_tags(tagset)), []
    bare = forget_contents(graph, raw_clues.filter(pl.col("split") == "test")["content_id"])
    taught = raw_clues.filter(pl.col("split") == "fit")
    for field_name in list_fields(test):
        changed = omit_field(test, field_name, dataset.settings.clues.budget)
        placed = dataset.insert(changed, taught, bare)
        materials = dataset.materials(tagset, placed, raw_clues, model, samples=samples)
        without = dataset.load_tagger()(changed, materials)
        parts.append(compare_clues(field_name, scored, without, changed["content_id"], gold))
        dataset.progress.say(f"without {field_name}: {len(changed):,} contents")
    return pl.concat([empty, *parts]).sort(
        pl.col("with_it") - pl.col("without_it"), descending=True, maintain_order=True
    )


def open_materials(dataset: Dataset, tables: dict[str, Tables]) -> Materials:
    """Return the materials of the artifacts as stored, with the dataset's own brain.

    Args:
        dataset: the dataset.
        tables: the artifacts of ``KNOWLEDGE``, by name.

    Raises:
        ArtifactError: the graph was made with another encoder or for another tag set.
    """
    contents, tagset = tables["raw_clues"]["raw_clues"], tables["fused_tagset"]["fused_tagset"]
    graph, samples = tables["content_tag_graph"], tables["knowledge_base"]["knowledge_base"]
    told = dataset.gather_knowledge(tagset, graph, contents, samples)
    model = dataset.tag_model(tables["confidence_model"], told)
    return dataset.materials(tagset, graph, contents, model, samples=samples)
