"""Which answers about contents still stand, because nothing that they depended on has changed. Source: ours.

An answer depends on the content, on whom is asked in which words and with which settings, on the candidates it chooses
among and on what it is told of them. Each of these is kept beside the answers as a digest. A tag counts by its id: one
that only got another name is the tag it was.
"""

import hashlib
import json

import polars as pl

from tagflow.knowledge.corrections import PAIR
from tagflow.schemas import TAGGED_OUTPUT
from tagflow.tables import Tables
from tagflow.tagset.carrying import move_tags

BASIS, ANSWERS = TAGGED_OUTPUT.tables["basis"], TAGGED_OUTPUT.tables["answers"]

CORRECTED = "a correction of people"
UNANSWERED = "no answer yet"
PARTS = {
    "content_hash": "the content changed",
    "model": "another model",
    "prompts": "another prompt",
    "settings": "another setting",
    "candidates": "other candidates",
    "told": "other evidence",
}
"""What an answer depends on, and the reason it is stale for where that changed; the first one that differs is said."""

WIDE = {"encoder": "another encoder", "vocabulary": "another tag set"}
"""What explains other candidates and other evidence, and makes no answer stale by itself."""


def digest(*said: object) -> str:
    """Return 16 hex digits of the BLAKE2b of values that JSON can write."""
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def digest_frame(frame: pl.DataFrame) -> str:
    """Return a digest of a frame's rows, whatever their order; it holds within one version of Polars."""
    return f"{frame.hash_rows().sum():x}.{len(frame)}" if frame.width else ""


def digest_rows(frame: pl.DataFrame, key: str) -> pl.DataFrame:
    """Return key and told: a digest of the rows of each key, whatever their order (see ``digest_frame``)."""
    hashed = frame.select(key, told=frame.drop(key).hash_rows())
    return hashed.group_by(key, maintain_order=True).agg(pl.format("{}.{}", pl.col("told").sum(), pl.len()))


def find_stale(basis: pl.DataFrame, stored: pl.DataFrame, corrected: pl.Series | None = None) -> pl.DataFrame:
    """Return content_id and reason for each content of ``basis``, in its order; null where the stored answer stands.

    Args:
        basis: what answers depend on now (columns of ``tagged_output.basis``).
        stored: what the stored answers depended on.
        corrected: ids of contents whose stored answers are not the model's own.
    """
    parts = [*PARTS, *WIDE]
    joined = basis.join(stored.select("content_id", *parts), on="content_id", how="left", suffix="_then")
    differs = {part: pl.col(part).ne_missing(pl.col(f"{part}_then")) for part in parts}
    other = differs["candidates"] | differs["told"]
    again = pl.lit(value=False) if corrected is None else pl.col("content_id").is_in(corrected.implode())
    why = {UNANSWERED: pl.col("content_hash_then").is_null(), CORRECTED: again}
    why |= {PARTS[part]: differs[part] for part in ("content_hash", "model", "prompts", "settings")}
    why |= {reason: other & differs[part] for part, reason in WIDE.items()}
    why |= {PARTS[part]: differs[part] for part in ("candidates", "told")}
    said = [pl.when(changed).then(pl.lit(reason)) for reason, changed in why.items()]
    return joined.select("content_id", reason=pl.coalesce(said))


def read_answers(stored: Tables) -> pl.DataFrame:
    """Return the ``answers`` of the stored contents: those kept as they were said, else what was judged.

    Args:
        stored: ``tagged_output`` as it stands.
    """
    kept = stored["answers"]
    judged = stored["scored_candidates"].join(kept, on="content_id", how="anti")
    told = judged.select(*PAIR, choice="confidence", confidence="confidence", rung=pl.lit(None, pl.String))
    return pl.concat([ANSWERS.shape(kept), ANSWERS.shape(told)])


def carry_answers(stored: Tables, moves: pl.DataFrame, tagset: pl.DataFrame) -> Tables:
    """Return the stored ``tagged_output`` with moved tags and today's names; of two answers that become one the surer.

    Args:
        stored: as it stands; ``tagged_output`` itself is to be ranked anew.
        moves: tag_id and leader_id of tags that are part of others now.
        tagset: ``fused_tagset``.
    """
    names = tagset.select("tag_id", "tag")
    scored = _keep_surest(move_tags(stored["scored_candidates"], moves)).drop("tag").join(names, on="tag_id")
    leaders = pl.element().replace(moves["tag_id"], moves["leader_id"])
    return stored | {
        "scored_candidates": scored.sort("content_id", -pl.col("confidence"), "tag").select(
            stored["scored_candidates"].columns
        ),
        "answers": _keep_surest(move_tags(stored["answers"], moves)),
        "basis": stored["basis"].with_columns(pl.col("candidates").list.eval(leaders).list.unique().list.sort()),
    }


def _keep_surest(rows: pl.DataFrame) -> pl.DataFrame:
    surest = rows.sort("content_id", -pl.col("confidence"), "tag_id", nulls_last=True)
    return surest.unique(PAIR, keep="first", maintain_order=True)


def count_reasons(told: pl.DataFrame) -> dict[str, int]:
    """Return how many contents are stale for which reason, the commonest first, ties by name."""
    counts = (
        told.drop_nulls("reason")
        .group_by("reason")
        .agg(contents=pl.len().cast(pl.Int64))
        .sort(-pl.col("contents"), "reason")
    )
    return dict(counts.iter_rows())
