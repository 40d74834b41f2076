"""Do fed mistakes multiply? Wrong machine tags for ten rounds, with ``graph.grow`` on and off.

Run ``python -m tagflow_tests.benchmarks.poisoning`` for a made world, or with FOLDER NAME for a set of real contents
(NAME.jsonl.gz in FOLDER, a content a line with id, clue fields and tags). Half of the labels are hidden; they say what
is right where no person said it before tagging. In every round 0.5 % wrong machine tags are fed anew, always the same
few confusions (y is taken for x), which is the harshest kind: as machine edges in both runs, and in the run that grows
also as answers of the round before. A wrong assigned tag counts as poisoned if it was fed to the content itself or to
one of its neighbours. Every round fits the judge anew and tags every content, as a refresh does.
"""

import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import polars as pl

from tagflow.adapters.exact_neighbours import ExactNeighbours
from tagflow.adapters.local_engine import LocalEngine
from tagflow.confidence.model import fit_confidence
from tagflow.confidence.ranking import account_contents, rank_tags
from tagflow.graph.edges import GROWN, link_history
from tagflow.graph.growth import NO_GROWTH, PAIR, collect_answers, drop_stale, grow_pairs, link_grown
from tagflow.graph.insertion import build_graph
from tagflow.graph.lexical import open_lexicon
from tagflow.graph.ngram_space import fit_encoder
from tagflow.graph.recall import recall_candidates
from tagflow.knowledge.samples import collect_samples
from tagflow.materials import Materials, gather_materials, recall_pairs
from tagflow.ports import Encoder, Vectors
from tagflow.settings import MINILM, DatasetSettings, GraphSettings, Thresholds, find_thresholds
from tagflow.taggers.llm4tag import tag
from tagflow.tagmodels.embedded import EmbeddedTagModel
from tagflow.tagset.vocabulary import resolve_tags
from tagflow_tests.frames import make_table
from tagflow_tests.worlds import proposals, raw_clues, said, tag_set

ROUNDS = 10
SHARE = 0.005  # wrong tags fed a round, of the machine edges
CONFUSIONS = 6  # kinds of mistakes
START = date(2026, 1, 1)
NOBODY = pl.DataFrame(schema={"content_id": pl.String, "tag_id": pl.String})
GROWING = DatasetSettings(graph=GraphSettings(grow=True))
FIXED = DatasetSettings()


class World(NamedTuple):
    """Contents in their graph, what people and machine said of them, and what is true."""

    contents: pl.DataFrame
    tagset: pl.DataFrame
    history: pl.DataFrame
    truth: pl.DataFrame
    """content_id and tag_id of every right pair, hidden ones too."""
    materials: Materials


class Round(NamedTuple):
    """What a round assigned in band apply, and how much of it was poisoned."""

    assigned: int
    poisoned: int
    grown: int


class TableEncoder:
    """Gives each known text its vector."""

    fingerprint = "table"

    def __init__(self, texts: Sequence[str], vectors: Vectors) -> None:
        self._rows, self._vectors = {text: row for row, text in enumerate(texts)}, vectors
        self.dimension = vectors.shape[1]

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of known texts."""
        return self._vectors[[self._rows[text] for text in texts]]


def make_world(contents: int = 1200, tags: int = 24, noise: float = 0.2, seed: int = 5) -> World:
    """Return a made world: contents near the directions of one to three tags, half of them labelled by people."""
    random = np.random.default_rng(seed)
    directions = random.normal(size=(tags, 32))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    own = [random.choice(tags, size=random.integers(1, 4), replace=False) for _ in range(contents)]
    vectors = np.stack([directions[places].sum(axis=0) / np.sqrt(len(places)) for places in own])
    vectors += noise * random.normal(size=vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names, ids = [f"t{place}" for place in range(tags)], [f"c{number}" for number in range(contents)]
    seen = [[names[place] for place in places] if number % 2 else [] for number, places in enumerate(own)]
    clues = raw_clues(*(said(key, title=key, labels=given) for key, given in zip(ids, seen, strict=True)))
    truth = [(key, names[place]) for key, places in zip(ids, own, strict=True) for place in places]
    kept = [(key, name, 0.5) for key, name in truth if random.random() < 0.6]
    encoder = TableEncoder([*ids, *names], np.concatenate([vectors, directions]).astype(np.float32))
    tagset = tag_set(dict.fromkeys(names, ()))
    history = link_history(clues, proposals(*kept), resolve_tags(tagset), FIXED.graph)
    right = pl.DataFrame(truth, schema=NOBODY.schema, orient="row")
    thresholds = Thresholds(fuse=0.8, sure=0.9, match=0.9, delta_ct=0.2, delta_cc=0.2)
    return World(clues, tagset, history, right, _place(clues, history, tagset, encoder, thresholds))


def read_world(folder: Path, name: str) -> World:
    """Return real contents; the labels of every second content outside the test split are hidden."""
    from tagflow.adapters.sentence_encoder import SentenceEncoder
    from tagflow_tests.benchmarks.contents import read_clues

    known = read_clues(folder / f"{name}.jsonl.gz", FIXED).filter(pl.col("split") == "fit")
    said_twice = known.explode("labels")["labels"].drop_nulls().value_counts().filter(pl.col("count") > 1)
    tagset = tag_set({label: () for label in said_twice["labels"].sort()})
    names = resolve_tags(tagset)
    everything = link_history(known, proposals(), names, FIXED.graph)
    hidden = pl.int_range(pl.len()) % 2 == 0
    clues = known.with_columns(labels=pl.when(hidden).then(pl.lit([], pl.List(pl.String))).otherwise("labels"))
    encoder = SentenceEncoder(MINILM, "auto", 32, LocalEngine(), _Silence())
    model = EmbeddedTagModel(encoder, encoder, LocalEngine(), make_table("confidence_model", []), proposals=16)
    history = link_history(clues, model.propose(clues), names, FIXED.graph)
    truth = everything.select("content_id", tag_id="target")
    lexicon = open_lexicon(fit_encoder(clues, MINILM, None), "en")
    return World(
        clues, tagset, history, truth, _place(clues, history, tagset, encoder, find_thresholds(FIXED), lexicon)
    )


def _place(clues, history, tagset, encoder: Encoder, thresholds: Thresholds, lexicon=None) -> Materials:
    tools = (encoder, ExactNeighbours, FIXED.graph, thresholds, lexicon)
    graph = build_graph(clues, history, tagset, *tools)
    model = EmbeddedTagModel(encoder, encoder, LocalEngine(), make_table("confidence_model", []), proposals=1)
    brain, tools = (encoder, model), (LocalEngine(), ExactNeighbours)
    return gather_materials(FIXED, thresholds, tagset, graph, brain, *tools, clues)


def feed_mistakes(world: World, rounds: int, share: float = SHARE, seed: int = 11) -> list[pl.DataFrame]:
    """Return the wrong machine edges of each round: a few confusions, on contents that have the confused tag."""
    random = np.random.default_rng(seed)
    uses = world.truth.group_by("tag_id").len().filter(pl.col("len") >= 10).sort("tag_id")["tag_id"].to_list()
    taken = random.choice(uses, size=(min(CONFUSIONS, len(uses) // 2), 2), replace=False)
    asked = pl.DataFrame(
        {"tag_id": taken[:, 0], "wrong": taken[:, 1]}, schema=dict.fromkeys(("tag_id", "wrong"), pl.String)
    )
    wrong = world.truth.join(asked, on="tag_id").select("content_id", tag_id="wrong")
    wrong = wrong.join(world.truth, on=PAIR, how="anti").unique().sort(PAIR)
    machine = world.history.filter(pl.col("origin") == "machine")
    amount = max(1, round(share * len(machine)))
    drawn = wrong[random.permutation(len(wrong))[: amount * rounds]]
    shape = machine.head(0)
    edges = drawn.select(
        "content_id",
        target="tag_id",
        target_kind=pl.lit("tag"),
        kind=pl.lit("deterministic"),
        origin=pl.lit("machine"),
        weight=pl.lit(FIXED.graph.machine_weight),
    ).select(shape.columns)
    return [edges[number * amount : (number + 1) * amount] for number in range(rounds)]


def run_rounds(world: World, fed: list[pl.DataFrame], settings: DatasetSettings, naive: str = GROWN) -> Iterator[Round]:
    """Yield what each round assigned.

    Args:
        world: where.
        fed: the wrong machine edges of each round.
        settings: ``FIXED`` or ``GROWING``.
        naive: the origin that grown edges get; ``human`` for what the guards are there to prevent.
    """
    grown, answers = NO_GROWTH, _find_answers(world, None)
    for number in range(len(fed)):
        mistakes = pl.concat(fed[: number + 1])
        base = pl.concat([world.history, mistakes]).unique(["content_id", "target", "origin"], maintain_order=True)
        history = base
        if settings.graph.grow:
            known = drop_stale(grown, world.contents, world.tagset)
            told = pl.concat([answers, _make_answers(fed[number], world)]).unique(PAIR, maintain_order=True)
            today = START + timedelta(days=number)
            grown = grow_pairs(known, told, base, NOBODY, settings.graph.grown_days, today)
            edges = link_grown(grown, base, settings.graph).with_columns(origin=pl.lit(naive))
            history = pl.concat([base, edges]).unique(["content_id", "target", "origin"], maintain_order=True)
        assigned, answers = _tag_all(world, history, settings)
        yield Round(len(assigned), _count_poisoned(assigned, mistakes, world), len(grown))


def _tag_all(world: World, history: pl.DataFrame, settings: DatasetSettings) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Fit the judge, tag every content, and return what was applied and what may grow."""
    materials = replace(world.materials, deterministic=history, settings=settings)
    first_hand = history.filter(pl.col("origin") != GROWN)
    taught = first_hand.filter(pl.col("origin") == "human").select("content_id").unique()
    near = materials.similarity.join(taught, on="content_id", how="semi")
    samples = collect_samples(first_hand, recall_candidates(near, first_hand, settings.graph))
    contents = world.contents.join(taught, on="content_id", how="semi")
    model = fit_confidence(samples.join(recall_pairs(contents, materials), on=PAIR))["confidence_model"]
    encoder = materials.encoder
    brain = EmbeddedTagModel(encoder, encoder, materials.engine, model, proposals=1)
    scored = tag(world.contents, replace(materials, tag_model=brain))
    tagged = rank_tags(scored, settings, model="llm4tag/embedded", version="v")
    return tagged.filter(pl.col("band") == "apply"), _find_answers(world, tagged)


def _find_answers(world: World, tagged: pl.DataFrame | None) -> pl.DataFrame:
    output = make_table("tagged_output", []) if tagged is None else tagged
    quarantine = make_table("raw_clues", [], "quarantine")
    status = account_contents(world.contents, quarantine, output, world.contents["content_id"])
    return collect_answers({"tagged_output": output, "content_status": status}, world.contents, world.tagset)


def _make_answers(fed: pl.DataFrame, world: World) -> pl.DataFrame:
    """The mistakes as if tagflow had been sure of them."""
    hashes = world.contents.select("content_id", "content_hash")
    return (
        fed.select("content_id", tag_id="target", confidence=pl.lit(1.0))
        .join(hashes, on="content_id")
        .select(*PAIR, "content_hash", "confidence")
    )


def _count_poisoned(assigned: pl.DataFrame, mistakes: pl.DataFrame, world: World) -> int:
    """Wrong tags that were fed to their content or to a neighbour of it."""
    wrong = assigned.select(PAIR).join(world.truth, on=PAIR, how="anti")
    fed = mistakes.select(neighbour="content_id", tag_id="target")
    near = world.materials.similarity.filter(pl.col("target_kind") == "content")
    reached = near.select("content_id", neighbour="target").join(fed, on="neighbour").select(PAIR)
    itself = fed.select(content_id="neighbour", tag_id="tag_id")
    return wrong.join(pl.concat([reached, itself]).unique(), on=PAIR, how="semi").height


class _Silence:
    """Says nothing on the way."""

    def say(self, line: str) -> None:
        """Say nothing."""

    def follow(self, batches, what, total, size):
        """Follow nothing."""
        del what, total, size
        yield from batches


def measure(world: World, rounds: int = ROUNDS) -> tuple[list[Round], list[Round]]:
    """Return the rounds with growth and without, on the same mistakes."""
    fed = feed_mistakes(world, rounds)
    both: tuple[list[Round], list[Round]] = ([], [])
    for growing, fixed in zip(run_rounds(world, fed, GROWING), run_rounds(world, fed, FIXED), strict=True):
        both[0].append(growing)
        both[1].append(fixed)
        click.echo(f"round {len(both[0])} of {rounds}: {growing}, fixed {fixed}", err=True)
    return both


@click.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("name", required=False)
@click.option("--rounds", default=ROUNDS)
def main(folder: Path | None, name: str | None, rounds: int) -> None:
    """Feed mistakes to a made world, or to the set NAME of FOLDER."""
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore")
    world = read_world(folder, name) if folder and name else make_world()
    fed = len(feed_mistakes(world, 1)[0])
    click.echo(f"{len(world.contents):,} contents, {len(world.tagset):,} tags, {fed} mistakes fed a round\n")
    growing, fixed = measure(world, rounds)
    click.echo(
        f"{'round':>5}{'grown edges':>13}{'assigned':>10}{'poisoned':>10}{'| fixed: assigned':>19}{'poisoned':>10}"
    )
    for number, (on, off) in enumerate(zip(growing, fixed, strict=True), 1):
        row = f"{number:5}{on.grown:13,}{on.assigned:10,}{on.poisoned:10,}{off.assigned:19,}{off.poisoned:10,}"
        click.echo(row)
    shares = [last.poisoned / max(last.assigned, 1) for last in (growing[-1], fixed[-1])]
    ratio = shares[0] / shares[1] if shares[1] else (1.0 if not shares[0] else float("inf"))
    said = {"share_grown": round(shares[0], 5), "share_fixed": round(shares[1], 5), "ratio": round(ratio, 3)}
    click.echo(json.dumps(said))


if __name__ == "__main__":
    main()
