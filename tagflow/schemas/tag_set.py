"""From contents to the tag set (TagGPT §2.1)."""

import polars as pl

from tagflow.schemas.dead_letters import DEAD_LETTERS
from tagflow.schemas.dtypes import COUNT, SHARE, TEXT, TEXTS
from tagflow.tables import Artifact, Column, Table

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
        "source_files": Table(
            {
                "source_file": Column(TEXT, "file name below contents/; ../ for a file beside that folder"),
                "size": Column(COUNT, "bytes when it was read; -1 where it could not be looked at"),
                "modified": Column(COUNT, "when it was last written, in nanoseconds since 1970 (UTC)"),
                "changed": Column(COUNT, "when it or its name was last changed, in nanoseconds since 1970 (UTC)"),
            },
            key=("source_file",),
        ),
        "tombstones": Table(
            {
                "content_id": Column(TEXT, "a content that was here and is no more"),
                "content_hash": Column(TEXT, "its content hash when it was last here"),
                "source_file": Column(TEXT, "the file it was last in"),
                "gone_at": Column(TEXT, "when it was missed first, ISO 8601 in UTC"),
            },
            key=("content_id",),
        ),
    },
    "TagGPT §2.1.1",
    "One row a content: its clues as text, its annotated tags and its split.",
)

FITTED_ENCODER = Artifact(
    "fitted_encoder",
    {
        "fitted_encoder": Table(
            {
                "bucket": Column(COUNT, "hash bucket of a character n-gram"),
                "texts": Column(COUNT, "contents outside the test split whose text has it"),
            },
            key=("bucket",),
        ),
        "terms": Table(
            {
                "bucket": Column(COUNT, "hash bucket of a word or a pair of words"),
                "texts": Column(COUNT, "contents outside the test split whose fields have it"),
            },
            key=("bucket",),
        ),
        "fit": Table(
            {
                "encoder": Column(TEXT, "name of the encoder"),
                "fit_key": Column(TEXT, "hash of what it was fitted on; empty for a pretrained encoder"),
                "texts": Column(COUNT, "texts it was fitted on; 0 for a pretrained encoder"),
                "term_key": Column(TEXT, "hash of what the terms were counted on"),
                "term_texts": Column(COUNT, "texts the terms were counted on"),
            },
            key=("encoder",),
        ),
    },
    "ours",
    "In how many contents each word stands, and what an encoder fitted on the dataset has counted (empty for a "
    "pretrained one). Frozen until the next refresh.",
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
        "dead_letters": DEAD_LETTERS,
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
                "similarity": Column(SHARE, "cosine of the two, in [-1, 1]; null where people decided", nullable=True),
                "decision": Column(TEXT, "merged, refused or reported"),
                "by": Column(TEXT, "what decided: cosine, confirmation, model, floor, fixed, people, or a guard"),
                "reason": Column(TEXT, "why"),
            }
        ),
        "vocabulary_changes": Table(
            {
                "change": Column(
                    TEXT, "merged, split, renamed, new or gone, against the tag set that was stored before"
                ),
                "tag": Column(TEXT, "the tag"),
                "other": Column(TEXT, "the tag it is part of now, was part of, or its name before", nullable=True),
                "detail": Column(TEXT, "on how many contents"),
            }
        ),
    },
    "TagGPT §2.1.3",
    "The tag set: one row a tag, its aliases, and the log of every merge and refused merge.",
)
