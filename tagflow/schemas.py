"""The declared schema of every artifact; frames are checked against it at each seam.

An artifact is a mapping from table name to Polars frame. The first table of an artifact bears the artifact's own name;
the others are its side tables (logs, statuses). What a column means stands here and nowhere else: the Dagster pages,
the exports and the checks read it from here.
"""

import polars as pl

from tagflow.tables import Artifact, Column, Table

STATUSES = ("tagged", "no_tag_fits", "skipped", "quarantined", "dead_lettered", "pending")
"""Where a content can end; the counts of the six add up to the records read."""

TEXT, COUNT, SHARE, FLAG = pl.String(), pl.Int64(), pl.Float64(), pl.Boolean()
TEXTS = pl.List(pl.String())
CLUE_PAIRS = pl.List(pl.Struct({"field": pl.String(), "text": pl.String()}))
CUTS = pl.List(pl.Struct({"field": pl.String(), "kept": pl.Int64(), "total": pl.Int64()}))

RAW_CLUES = Artifact(
    "raw_clues",
    {
        "raw_clues": Table(
            {
                "content_id": Column(TEXT, "identity of the content, byte for byte as in its file"),
                "clues": Column(
                    CLUE_PAIRS, "the content's fields as text, in the order title, caption, category, ocr, asr"
                ),
                "text": Column(TEXT, "packed clue text: what is embedded; empty if the content has no text"),
                "cuts": Column(CUTS, "fields shortened by packing, with characters kept and in total"),
                "language": Column(TEXT, "language code of the dataset"),
                "hashtags": Column(
                    TEXTS, "hashtags in title and caption, without the mark; none where they are the labels"
                ),
                "labels": Column(TEXTS, "annotated tags as people gave them"),
                "split": Column(TEXT, "fit, or test: held out of everything that is fitted"),
                "content_hash": Column(TEXT, "BLAKE2b of fields, packed text and language, 32 hex digits"),
                "source_file": Column(TEXT, "file name below contents/"),
            },
            key=("content_id",),
        ),
        "quarantine": Table(
            {
                "source_file": Column(TEXT, "file name below contents/"),
                "line": Column(COUNT, "line or row number, from 1; 0 for the whole file"),
                "content_id": Column(TEXT, "identity, where it could be read", nullable=True),
                "reason": Column(TEXT, "why the record is not used"),
                "raw": Column(TEXT, "the first 500 characters of the record"),
            }
        ),
    },
    "TagGPT §2.1.1",
    "One row a content: its clues as text, its annotated tags and its split.",
)

CANDIDATE_TAGS = Artifact(
    "candidate_tags",
    {
        "candidate_tags": Table(
            {
                "content_id": Column(TEXT, "the content"),
                "tag": Column(TEXT, "a tag proposed for it, as written"),
                "votes": Column(COUNT, "samples of the tag model that proposed it"),
                "score": Column(SHARE, "how well the tag model thinks it fits, within one content"),
            },
            key=("content_id", "tag"),
        ),
        "proposed_contents": Table(
            {
                "content_id": Column(TEXT, "the content"),
                "content_hash": Column(TEXT, "its content hash when tags were proposed"),
                "proposer": Column(TEXT, "fingerprint of the tag model that proposed"),
                "proposals": Column(COUNT, "number of tags proposed"),
            },
            key=("content_id",),
        ),
    },
    "TagGPT §2.1.2",
    "One row a (content, proposed tag); no test content proposes.",
)

FILTERED_TAGSET = Artifact(
    "filtered_tagset",
    {
        "filtered_tagset": Table(
            {
                "key": Column(TEXT, "normalised form that makes spellings equal"),
                "tag": Column(TEXT, "display form: the most frequent spelling"),
                "contents": Column(COUNT, "distinct contents outside the test split that have it"),
                "verdict": Column(TEXT, "kept, too_rare, too_common, banned or malformed"),
                "origin": Column(TEXT, "proposed, label or file"),
                "description": Column(TEXT, "definition, where a file gives one", nullable=True),
            },
            key=("key",),
        )
    },
    "TagGPT §2.1.3",
    "One row a distinct candidate tag with its count and the verdict of the frequency cuts.",
)

FUSED_TAGSET = Artifact(
    "fused_tagset",
    {
        "fused_tagset": Table(
            {
                "tag_id": Column(TEXT, "identity of the tag, from its normalised form"),
                "tag": Column(TEXT, "the tag"),
                "frequency": Column(
                    COUNT, "distinct contents outside the test split that have it or one of its aliases"
                ),
                "aliases": Column(TEXTS, "near-synonyms that mean this tag"),
                "description": Column(TEXT, "definition, where there is one", nullable=True),
                "origin": Column(TEXT, "proposed, label or file"),
            },
            key=("tag_id",),
        ),
        "fusion_log": Table(
            {
                "tag": Column(TEXT, "the less frequent tag of the pair"),
                "leader": Column(TEXT, "the more frequent tag of the pair"),
                "similarity": Column(SHARE, "cosine of the two, in [-1, 1]"),
                "decision": Column(TEXT, "merged, refused or reported"),
                "reason": Column(TEXT, "why"),
            }
        ),
    },
    "TagGPT §2.1.3",
    "The tag set: one row a tag, its aliases, and the log of every merge and refused merge.",
)

CONTENT_TAG_GRAPH = Artifact(
    "content_tag_graph",
    {
        "content_tag_graph": Table(
            {
                "content_id": Column(TEXT, "the content at the edge's start"),
                "target": Column(TEXT, "tag id, or the id of a content of the fit split"),
                "target_kind": Column(TEXT, "tag or content"),
                "kind": Column(TEXT, "deterministic or similarity"),
                "origin": Column(TEXT, "human, machine or encoder"),
                "weight": Column(SHARE, "edge weight: origin weight, or cosine in [-1, 1]"),
            },
            key=("content_id", "target", "target_kind", "kind", "origin"),
        ),
        "vectors": Table(
            {
                "node": Column(TEXT, "content id or tag id"),
                "node_kind": Column(TEXT, "content or tag"),
                "fingerprint": Column(TEXT, "fingerprint of the encoder"),
                "vector": Column(pl.Array(pl.Float32, 0), "unit vector; all zero for a content without text"),
            },
            key=("node", "node_kind"),
        ),
    },
    "LLM4Tag §3.2, eq. 1-3",
    "The content-tag graph: deterministic edges of the fit split, similarity edges of every content, and the vectors.",
)

KNOWLEDGE_BASE = Artifact(
    "knowledge_base",
    {
        "knowledge_base": Table(
            {
                "content_id": Column(TEXT, "a content of the fit split that people annotated"),
                "tag_id": Column(TEXT, "a tag recalled for it, or annotated on it"),
                "right": Column(FLAG, "whether the tag is right for the content"),
                "origin": Column(TEXT, "annotated, or presumed: recalled but not annotated, taken as wrong"),
            },
            key=("content_id", "tag_id"),
        )
    },
    "LLM4Tag §3.3.2",
    "Samples with right and wrong tags, taken from annotations; what the confidence model learns from.",
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
                "fitted": Column(FLAG, "false: the documented prior model, whose numbers are not calibrated"),
                "pairs": Column(COUNT, "(content, tag) pairs it was fitted on"),
                "positives": Column(COUNT, "right pairs among them"),
            },
            key=("head", "feature"),
        ),
        "reliability": Table(
            {
                "head": Column(TEXT, "the head of the model"),
                "bin": Column(COUNT, "equal-mass bin, from 1"),
                "confidence": Column(SHARE, "mean confidence in the bin, cross-fitted"),
                "precision": Column(SHARE, "share of right pairs in the bin"),
                "pairs": Column(COUNT, "pairs in the bin"),
            },
            key=("head", "bin"),
        ),
    },
    "LLM4Tag §3.4",
    "The judge of the embedded tag model: a logistic model over recall features, and its cross-fitted reliability.",
)

_SCORED = {
    "content_id": Column(TEXT, "the content"),
    "tag_id": Column(TEXT, "the tag"),
    "tag": Column(TEXT, "the tag's name"),
    "confidence": Column(
        SHARE, "probability that the tag is right, in [0, 1]; a mere score where model says uncalibrated"
    ),
    "path": Column(TEXT, "how it was recalled: C2T, C2C2T, both, or the method's own path"),
    "neighbours": Column(TEXTS, "up to 3 nearest contents that carry the tag, nearest first"),
    "votes": Column(SHARE, "share of the neighbourhood or of the samples that speak for the tag, in [0, 1]"),
    "evidence": Column(TEXT, "the reason in words"),
}

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
            },
            key=("content_id",),
        ),
    },
    "TagGPT §2.2, LLM4Tag §3.2-3.4",
    "One row a (content, tag) with confidence, band and reason; everything judged; the status of every record.",
)

EVALUATION_REPORT = Artifact(
    "evaluation_report",
    {
        "evaluation_report": Table(
            {
                "method": Column(TEXT, "tagging method, or the tag set that is measured"),
                "metric": Column(TEXT, "name of the metric"),
                "value": Column(SHARE, "its value", nullable=True),
                "low": Column(SHARE, "lower end of the 95 % bootstrap interval", nullable=True),
                "high": Column(SHARE, "upper end of the 95 % bootstrap interval", nullable=True),
                "n": Column(COUNT, "contents, tags or pairs it is taken over"),
                "note": Column(TEXT, "what to know when reading it", nullable=True),
            },
            key=("method", "metric"),
        ),
        "popularity": Table(
            {
                "tag_set": Column(TEXT, "people, or tagflow"),
                "times": Column(COUNT, "number of contents a tag is assigned to"),
                "tags": Column(COUNT, "tags assigned that often"),
            },
            key=("tag_set", "times"),
        ),
        "least_effort": Table(
            {
                "tag_set": Column(TEXT, "people, or tagflow"),
                "tags": Column(COUNT, "tags on a content"),
                "contents": Column(COUNT, "contents with that many tags"),
            },
            key=("tag_set", "tags"),
        ),
        "test_reliability": Table(
            {
                "method": Column(TEXT, "tagging method"),
                "bin": Column(COUNT, "equal-mass bin of the judged candidates of the held-out contents, from 1"),
                "confidence": Column(SHARE, "mean confidence in the bin"),
                "precision": Column(SHARE, "share of right candidates in the bin"),
                "pairs": Column(COUNT, "candidates in the bin"),
            },
            key=("method", "bin"),
        ),
        "candidate_recall": Table(
            {
                "method": Column(TEXT, "tagging method"),
                "k": Column(COUNT, "number of candidates looked at"),
                "recall": Column(SHARE, "mean share of a held-out content's gold tags among its first k candidates"),
                "contents": Column(COUNT, "held-out contents with gold"),
            },
            key=("method", "k"),
        ),
        "tag_map": Table(
            {
                "tag_id": Column(TEXT, "one of the most assigned tags"),
                "tag": Column(TEXT, "its name"),
                "x": Column(SHARE, "place on the map, left to right, in [0, 1]"),
                "y": Column(SHARE, "place on the map, bottom to top, in [0, 1]"),
                "contents": Column(COUNT, "contents it is assigned to"),
            },
            key=("tag_id",),
        ),
    },
    "TagGPT §3, LLM4Tag §4",
    "Every method on the held-out contents, and the quality of the tag set.",
)

ARTIFACTS: dict[str, Artifact] = {
    artifact.name: artifact
    for artifact in (
        RAW_CLUES,
        CANDIDATE_TAGS,
        FILTERED_TAGSET,
        FUSED_TAGSET,
        CONTENT_TAG_GRAPH,
        KNOWLEDGE_BASE,
        CONFIDENCE_MODEL,
        TAGGED_OUTPUT,
        EVALUATION_REPORT,
    )
}
"""Every artifact by name, in the order of the way of a content."""
