"""Tiny worlds made by hand: words as vectors, contents and edges as rows; every figure can be worked out on paper."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from tagflow.adapters.exact_neighbours import ExactNeighbours
from tagflow.adapters.local_engine import LocalEngine
from tagflow.confidence.model import describe_prior_model
from tagflow.graph.edges import link_history
from tagflow.graph.insertion import describe_vectors, embed_contents, embed_tags, insert_contents
from tagflow.knowledge.injection import Knowledge, find_neighbours
from tagflow.materials import Materials, gather_materials, list_annotations
from tagflow.ports import Vectors
from tagflow.schemas import CANDIDATE_TAGS, CONTENT_TAG_GRAPH, FUSED_TAGSET, KNOWLEDGE_BASE, RAW_CLUES, TAGGED_OUTPUT
from tagflow.settings import DatasetSettings, Thresholds
from tagflow.tagmodels.embedded import EmbeddedTagModel
from tagflow.tagset.vocabulary import resolve_tags

Edge = tuple[str, str, str, str, str, float]


class WordEncoder:
    """Encodes a text as the direction of the sum of its words; a word it does not know has an axis of its own."""

    def __init__(self, words: Mapping[str, Sequence[float]], fingerprint: str = "words") -> None:
        """Give each word a vector; ``asked`` keeps every text that was encoded."""
        self._words = {word: np.array([*vector, 0.0]) for word, vector in words.items()}
        self.dimension = len(next(iter(self._words.values())))
        self.fingerprint = fingerprint
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors; a text without a word gives zeros."""
        self.asked += texts
        rows = np.zeros((len(texts), self.dimension))
        for row, text in zip(rows, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()):
                row += self._words.get(word, np.eye(self.dimension)[-1])
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        return (rows / np.where(length > 0, length, 1)).astype(np.float32)


def unit(*rows: Sequence[float]) -> Vectors:
    """Return rows that are unit vectors already, as vectors."""
    return np.array(rows, np.float32)


def human(content_id: str, tag_id: str, weight: float = 1.0) -> Edge:
    """People annotated the content with the tag."""
    return content_id, tag_id, "tag", "deterministic", "human", weight


def machine(content_id: str, tag_id: str, weight: float = 0.5) -> Edge:
    """The machine proposed the tag for the content."""
    return content_id, tag_id, "tag", "deterministic", "machine", weight


def near(content_id: str, other: str, cosine: float) -> Edge:
    """The content resembles another one."""
    return content_id, other, "content", "similarity", "encoder", cosine


def fits(content_id: str, tag_id: str, cosine: float) -> Edge:
    """The content resembles a tag."""
    return content_id, tag_id, "tag", "similarity", "encoder", cosine


def edges(*rows: Edge) -> pl.DataFrame:
    """Return edges of the content-tag graph."""
    return pl.DataFrame(list(rows), schema=CONTENT_TAG_GRAPH.tables["content_tag_graph"].dtypes, orient="row")


def said(
    content_id: str, *, labels: Iterable[str] = (), split: str = "fit", content_hash: str | None = None, **clues: str
) -> dict[str, object]:
    """Return a row of ``raw_clues``: what the content says in which field, each content with a hash of its own."""
    return {
        "content_id": content_id,
        "clues": [{"field": field, "text": text} for field, text in clues.items()],
        "text": "\n".join(clues.values()),
        "cuts": [],
        "language": "en",
        "hashtags": [],
        "labels": list(labels),
        "split": split,
        "content_hash": content_hash or f"hash of {content_id}",
        "source_file": "made.jsonl",
    }


def raw_clues(*rows: dict[str, object]) -> pl.DataFrame:
    """Return ``raw_clues``."""
    return pl.DataFrame(list(rows), schema=RAW_CLUES.tables["raw_clues"].dtypes)


def proposals(*rows: tuple[str, str, float]) -> pl.DataFrame:
    """Return ``candidate_tags`` from (content, tag, score)."""
    voted = [(content_id, tag, 1, score) for content_id, tag, score in rows]
    return pl.DataFrame(voted, schema=CANDIDATE_TAGS.tables["candidate_tags"].dtypes, orient="row")


def tag_set(tags: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    """Return ``fused_tagset`` from tag to aliases; the tag's id is its name."""
    rows = [(tag, tag, 1, list(aliases), None, "label") for tag, aliases in tags.items()]
    return pl.DataFrame(rows, schema=FUSED_TAGSET.tables["fused_tagset"].dtypes, orient="row")


def vectors(contents: Mapping[str, Sequence[float]], tags: Mapping[str, Sequence[float]]) -> pl.DataFrame:
    """Return the graph's ``vectors``."""
    sides = (("content", contents), ("tag", tags))
    return pl.concat(describe_vectors(pl.Series(list(of)), kind, unit(*of.values()), "words") for kind, of in sides)


def scored(*rows: tuple[str, str, float]) -> pl.DataFrame:
    """Return ``scored_candidates`` from (content, tag, confidence); the tag's id is its name."""
    full = [(content_id, tag, tag, confidence, None, None, "C2T", [], 0.0, "") for content_id, tag, confidence in rows]
    return pl.DataFrame(full, schema=TAGGED_OUTPUT.tables["scored_candidates"].dtypes, orient="row")


KITCHEN_WORDS = {
    "soup": (1, 0, 0),
    "vegan": (0, 1, 0),
    "travel": (0, 0, 1),
    "stew": (0.8, 0.6, 0),
    "salad": (0.6, 0.8, 0),
    "fasting": (-1, 0, 0),
}
KITCHEN_TAGS = {"soup": ["broth"], "vegan": [], "travel": ["trips"]}


def kitchen(
    new: pl.DataFrame,
    tags: Mapping[str, Sequence[str]] = KITCHEN_TAGS,
    more: pl.DataFrame | None = None,
    **parts: Any,
) -> Materials:
    """Return what a tagging method may use, with new contents in the graph.

    Known are ``f1``, a stew that people tagged soup; ``f2``, a salad that people tagged vegan and the machine soup; and
    ``f3``, a travel that people tagged trips, an alias of travel. The confidence model knows two features only:
    logit = 2 * human + cosine - 1.

    Args:
        new: contents to insert (raw_clues).
        tags: tag to aliases.
        more: further contents that are known (raw_clues).
        parts: parts of the materials to put in the place of these.
    """
    settings = DatasetSettings()
    thresholds = Thresholds(fuse=0.8, sure=0.9, match=0.6, delta_ct=0.2, delta_cc=0.3)
    encoder, engine = WordEncoder(KITCHEN_WORDS), LocalEngine()
    known = raw_clues(
        said("f1", title="stew", labels=["soup"]),
        said("f2", title="salad", labels=["vegan"]),
        said("f3", title="travel", labels=["trips"]),
    )
    known = known if more is None else pl.concat([known, more])
    tagset, everything = tag_set(tags), pl.concat([known, new])
    history = link_history(known, proposals(("f2", "soup", 0.5)), resolve_tags(tagset), settings.graph)
    content_vectors, tag_vectors = embed_contents(everything, encoder), embed_tags(tagset, encoder)
    votes = known["content_id"].is_in(history["content_id"].implode())
    similar = insert_contents(
        everything,
        content_vectors,
        (known.filter(votes), content_vectors[: len(known)][votes.to_numpy()]),
        (tagset["tag_id"], tag_vectors),
        ExactNeighbours,
        settings.graph,
        thresholds,
    )
    nodes = [
        describe_vectors(everything["content_id"], "content", content_vectors, encoder.fingerprint),
        describe_vectors(tagset["tag_id"], "tag", tag_vectors, encoder.fingerprint),
    ]
    weights = {"human": 2.0, "cosine": 1.0, "bias": -1.0}
    judge = describe_prior_model().with_columns(
        coefficient=pl.col("feature").replace_strict(weights, default=0.0, return_dtype=pl.Float64)
    )
    graph = {"content_tag_graph": pl.concat([history, similar]), "vectors": pl.concat(nodes)}
    brain = encoder, EmbeddedTagModel(encoder, encoder, engine, judge, proposals=8)
    gathered = gather_materials(settings, thresholds, tagset, graph, brain, engine, ExactNeighbours, known)
    return replace(gathered, **parts)


def gather_knowledge(materials: Materials) -> Knowledge:
    """Return what a language model is told in a world: its tags, and what people annotated."""
    annotated = list_annotations(materials).with_columns(right=pl.lit(True), origin=pl.lit("annotated"))
    samples = KNOWLEDGE_BASE.tables["knowledge_base"].shape(annotated)
    taught = materials.taught.join(samples, on="content_id", how="semi", maintain_order="left")
    return Knowledge(
        materials.tagset, samples=samples, contents=taught, neighbours=find_neighbours(materials.similarity)
    )
