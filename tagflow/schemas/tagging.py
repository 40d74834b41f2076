"""From the graph to tagged contents (TagGPT §2.2, LLM4Tag §3.2-3.4)."""

import polars as pl

from tagflow.schemas.costs import TAGGING_COSTS
from tagflow.schemas.dead_letters import DEAD_LETTERS
from tagflow.schemas.dtypes import COUNT, FLAG, SHARE, TEXT, TEXTS
from tagflow.tables import Artifact, Column, Table

STATUSES = ("tagged", "no_tag_fits", "skipped", "quarantined", "dead_lettered", "pending")
"""Where a content can end; the counts of the six add up to the records read."""

CONTENT_TAG_GRAPH = Artifact(
    "content_tag_graph",
    {
        "content_tag_graph": Table(
            {
                "content_id": Column(TEXT, "the content at the edge's start"),
                "target": Column(TEXT, "tag id, or the id of a content of the fit split"),
                "target_kind": Column(TEXT, "tag or content"),
                "kind": Column(TEXT, "deterministic or similarity"),
                "origin": Column(
                    TEXT, "human, reviewed (corrected), machine, grown, encoder, terms (rare words), name"
                ),
                "weight": Column(SHARE, "edge weight: origin weight, cosine, or n / (n + 1) for a name said n times"),
            },
            key=("content_id", "target", "target_kind", "kind", "origin"),
        ),
        "vectors": Table(
            {
                "node": Column(TEXT, "content id or tag id"),
                "node_kind": Column(TEXT, "content or tag"),
                "source_hash": Column(TEXT, "content hash when the content was embedded; the tag id of a tag"),
                "fingerprint": Column(TEXT, "fingerprint of the encoder"),
                "vector": Column(pl.Array(pl.Float32, 0), "unit vector; all zero for a content without text"),
                "terms": Column(pl.List(COUNT), "hash buckets of the words and pairs of words that others use too"),
                "term_weights": Column(pl.List(pl.Float32()), "their TF-IDF weights; the whole text has length 1"),
            },
            key=("node", "node_kind"),
        ),
        "classifier": Table(
            {
                "content_id": Column(TEXT, "a content of the fit split with tags from people"),
                "own": Column(SHARE, "what leaves the content out of its own score"),
                "weights": Column(pl.Array(pl.Float32, 0), "its weight for each tag of classified, in their order"),
            },
            key=("content_id",),
        ),
        "classified": Table(
            {
                "tag_id": Column(TEXT, "a tag the classifier knows: people used it twice or more"),
                "place": Column(COUNT, "its place in weights, from 0"),
            },
            key=("tag_id",),
        ),
        "grown": Table(
            {
                "content_id": Column(TEXT, "a content of the fit split"),
                "tag_id": Column(TEXT, "a tag that tagflow applied to it, and no person"),
                "content_hash": Column(TEXT, "its content hash when it was tagged"),
                "confidence": Column(SHARE, "confidence of the last answer"),
                "since": Column(TEXT, "UTC date on which the pair became an edge"),
                "confirmed": Column(TEXT, "UTC date of the last refresh that found the answer given again"),
            },
            key=("content_id", "tag_id"),
        ),
    },
    "LLM4Tag §3.2, eq. 1-3",
    "The content-tag graph: deterministic edges of the fit split, similarity edges of every content, the vectors and "
    "weighted words behind them, and the linear classifier.",
)

KNOWLEDGE_BASE = Artifact(
    "knowledge_base",
    {
        "knowledge_base": Table(
            {
                "content_id": Column(TEXT, "a content of the fit split that people annotated"),
                "tag_id": Column(TEXT, "a tag recalled for it, or annotated on it"),
                "right": Column(FLAG, "whether the tag is right for the content"),
                "origin": Column(
                    TEXT,
                    "annotated, or presumed: recalled but not annotated, taken as wrong; reviewed: people decided it",
                ),
            },
            key=("content_id", "tag_id"),
        ),
        "passages": Table(
            {
                "passage": Column(COUNT, "number of the passage, from 1"),
                "source_file": Column(TEXT, "file name below knowledge/"),
                "heading": Column(TEXT, "heading it stands under, or title of its text", nullable=True),
                "text": Column(TEXT, "what it says"),
                "defines": Column(TEXT, "name that it explains, if it explains one", nullable=True),
            },
            key=("passage",),
        ),
    },
    "LLM4Tag §3.3.2",
    "Samples with right and wrong tags, taken from annotations, which the confidence model learns from, and passages "
    "of the domain texts.",
)

CONFIDENCE_MODEL = Artifact(
    "confidence_model",
    {
        "confidence_model": Table(
            {
                "head": Column(TEXT, "annotated: tags with annotation history; unannotated: tags without"),
                "feature": Column(TEXT, "name of a recall feature, or bias"),
                "mean": Column(SHARE, "mean subtracted from the feature"),
                "scale": Column(SHARE, "standard deviation the feature is divided by"),
                "coefficient": Column(SHARE, "weight in the logistic model"),
                "knots": Column(pl.List(SHARE), "sums at which the calibration is given, ascending; on the bias only"),
                "levels": Column(pl.List(SHARE), "calibrated logit at each knot"),
                "fitted": Column(FLAG, "false: the documented prior model, whose numbers are not calibrated"),
                "competing": Column(FLAG, "whether the candidates of a content compete: it has a single tag or none"),
                "pairs": Column(COUNT, "(content, tag) pairs it was fitted on"),
                "positives": Column(COUNT, "right pairs among them"),
            },
            key=("head", "feature"),
        ),
        "reliability": Table(
            {
                "head": Column(TEXT, "the head of the model"),
                "bin": Column(COUNT, "bin of confidence, from 1; finer towards the top"),
                "low": Column(SHARE, "confidence at its lower border; the first begins at 0"),
                "high": Column(SHARE, "confidence at its upper border; the last ends at 1"),
                "confidence": Column(SHARE, "mean confidence in the bin, cross-fitted"),
                "precision": Column(SHARE, "share of right pairs in the bin"),
                "pairs": Column(COUNT, "pairs in the bin"),
            },
            key=("head", "bin"),
        ),
        "thresholds": Table(
            {
                "target": Column(SHARE, "share of right tags that is asked for"),
                "threshold": Column(
                    SHARE, "confidence from which on it is safely reached; null: nowhere", nullable=True
                ),
                "coverage": Column(SHARE, "share of contents with a tag there, cross-fitted", nullable=True),
                "precision": Column(SHARE, "share of right tags there, cross-fitted", nullable=True),
                "pairs": Column(COUNT, "pairs there"),
            },
            key=("target",),
        ),
        "rungs": Table(
            {
                "rung": Column(TEXT, "what gave a language model's number: logprobs, agreement or verbal"),
                "way": Column(TEXT, "none, line or curve: what held best on folds; too few: not calibrated"),
                "knots": Column(pl.List(SHARE), "log-odds of its numbers at which the calibration is given, ascending"),
                "levels": Column(pl.List(SHARE), "calibrated log-odds at each knot"),
                "pairs": Column(COUNT, "labelled (content, tag) pairs that it judged"),
                "positives": Column(COUNT, "right pairs among them"),
                "said": Column(SHARE, "mean of its own numbers on them"),
            },
            key=("rung",),
        ),
    },
    "LLM4Tag §3.4, §4.5",
    "The judge of the embedded tag model: a logistic model over recall features, its cross-fitted reliability, and the "
    "confidence from which a target precision is reached; and what a language model's own numbers are worth.",
)

_SCORED = {
    "content_id": Column(TEXT, "the content"),
    "tag_id": Column(TEXT, "the tag"),
    "tag": Column(TEXT, "the tag's name"),
    "confidence": Column(
        SHARE, "probability that the tag is right, in [0, 1]; a mere score where model says uncalibrated"
    ),
    "raw_score": Column(SHARE, "what a language model judged, before calibration; null: none did", nullable=True),
    "rung": Column(TEXT, "what gave it that number: logprobs, agreement or verbal", nullable=True),
    "path": Column(TEXT, "how it was recalled: C2T, C2C2T, lexical, name, several of them; grown; or a method's own"),
    "neighbours": Column(TEXTS, "up to 3 nearest contents that carry the tag, nearest first"),
    "votes": Column(SHARE, "share of the neighbourhood or of the samples that speak for the tag, in [0, 1]"),
    "evidence": Column(TEXT, "the reason in words"),
}

EMERGING_TAGS = Artifact(
    "emerging_tags",
    {
        "emerging_tags": Table(
            {
                "key": Column(TEXT, "normalised form of the suggested tag"),
                "tag": Column(TEXT, "the suggested tag: a phrase that its contents share"),
                "definition": Column(TEXT, "a sentence made of the phrases they share"),
                "contents": Column(TEXTS, "the contents of the group, none of the test split"),
                "examples": Column(TEXTS, "up to 5 of them, nearest to the group's middle first"),
                "size": Column(COUNT, "number of contents in the group"),
                "cohesion": Column(SHARE, "mean cosine of the contents to the group's middle"),
                "nearest": Column(TEXTS, "up to 3 nearest tags of the tag set, nearest first"),
                "nearest_cosines": Column(pl.List(SHARE), "their cosines to the group's middle"),
            },
            key=("key",),
        )
    },
    "ours",
    "Tags that contents without a fitting tag suggest; none joins the tag set unless a person adds it.",
)

TAGGED_OUTPUT = Artifact(
    "tagged_output",
    {
        "tagged_output": Table(
            {
                "content_id": _SCORED["content_id"],
                "rank": Column(COUNT, "1 is the most confident"),
                **{name: column for name, column in _SCORED.items() if name != "content_id"},
                "band": Column(TEXT, "apply, review or drop"),
                "model": Column(
                    TEXT, "tagging method and tag model; says uncalibrated where confidence was not learned"
                ),
                "vocabulary_version": Column(TEXT, "hash of the tag set"),
            },
            key=("content_id", "tag_id"),
        ),
        "scored_candidates": Table(_SCORED, key=("content_id", "tag_id")),
        "content_status": Table(
            {
                "content_id": Column(TEXT, "the content; file#line for a quarantined record"),
                "status": Column(TEXT, "tagged, no_tag_fits, skipped, quarantined, dead_lettered or pending"),
                "reason": Column(TEXT, "why it has no tag", nullable=True),
                "tags": Column(COUNT, "number of tags it got"),
                "content_hash": Column(TEXT, "its content hash when it was tagged; empty for a quarantined record"),
            },
            key=("content_id",),
        ),
        "dead_letters": DEAD_LETTERS,
        "basis": Table(
            {
                "content_id": Column(TEXT, "a content with an answer"),
                "content_hash": Column(TEXT, "its content hash when it was answered"),
                "encoder": Column(TEXT, "fingerprint of the encoder then"),
                "vocabulary": Column(TEXT, "hash of the tag set then"),
                "model": Column(TEXT, "digest of whom was asked"),
                "prompts": Column(TEXT, "digest of the words of the questions"),
                "settings": Column(TEXT, "digest of method and settings that the answer depends on"),
                "candidates": Column(TEXTS, "ids of the tags it chose among, sorted; empty for the embedded tag model"),
                "told": Column(TEXT, "digest of what was told or known of them: definitions, rules, samples, features"),
                "samples": Column(TEXT, "digest of the samples of the knowledge base that a language model is told"),
                "state": Column(TEXT, "digest of all else that answers of the dataset depend on"),
            },
            key=("content_id",),
        ),
        "answers": Table(
            {
                "content_id": Column(TEXT, "the content"),
                "tag_id": Column(TEXT, "a tag that a language model chose"),
                "choice": Column(SHARE, "share of its answers that chose it, in [0, 1]"),
                "confidence": Column(SHARE, "what it judged, before corrections", nullable=True),
                "rung": Column(TEXT, "what gave it its number", nullable=True),
            },
            key=("content_id", "tag_id"),
        ),
        "cuts": Table(
            {
                "content_id": Column(TEXT, "a content that did not fit into a question whole"),
                "task": Column(TEXT, "what was asked"),
                "field": Column(TEXT, "the clue of which head, middle and tail were shown"),
                "kept": Column(COUNT, "characters shown; 0: none of it"),
                "total": Column(COUNT, "characters it has"),
            },
        ),
        "costs": TAGGING_COSTS,
    },
    "TagGPT §2.2, LLM4Tag §3.2-3.4",
    "One row a (content, tag) with confidence, band and reason; everything judged; the status of every record.",
)
