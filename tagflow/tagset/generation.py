"""Candidate generation: who still has to propose, and the proposals old and new as one artifact (TagGPT §2.1.2)."""

import polars as pl

from tagflow.clues.conversion import has_text
from tagflow.schemas import CANDIDATE_TAGS
from tagflow.tables import Tables


def find_unproposed(raw_clues: pl.DataFrame, known: Tables, proposer: str) -> pl.DataFrame:
    """Return the contents that must propose: fit split, with text, and new, changed or asked by another proposer.

    Args:
        raw_clues: all contents.
        known: the artifact as it stands.
        proposer: fingerprint of the tag model.
    """
    may = raw_clues.filter((pl.col("split") == "fit") & has_text())
    done = known["proposed_contents"].filter(pl.col("proposer") == proposer)
    return may.join(done, on=["content_id", "content_hash"], how="anti", maintain_order="left")


def merge_proposals(
    raw_clues: pl.DataFrame,
    known: Tables,
    asked: pl.DataFrame,
    proposals: pl.DataFrame,
    proposer: str,
    failures: pl.DataFrame | None = None,
) -> Tables:
    """Return the ``candidate_tags`` artifact: what stays of the known proposals, and the new ones.

    Args:
        raw_clues: all contents.
        known: the artifact as it stands.
        asked: the contents that just proposed.
        proposals: what they proposed; a tag proposed twice for one content keeps its votes and best score.
        proposer: fingerprint of the tag model.
        failures: questions without an answer (see ``TagModel.failures``): dead letters, and asked again next time.
    """
    letters = CANDIDATE_TAGS.tables["dead_letters"].empty()
    if failures is not None:
        letters = failures.filter(pl.col("task") == "propose").join(asked, on="content_id", how="semi")
    may = raw_clues.filter((pl.col("split") == "fit") & has_text()).select("content_id")
    stay = may.join(asked, on="content_id", how="anti")
    new = proposals.group_by("content_id", "tag").agg(pl.col("votes").sum(), pl.col("score").max())
    candidates = pl.concat([known["candidate_tags"].join(stay, on="content_id", how="semi"), new])
    counts = new.group_by("content_id").agg(proposals=pl.len().cast(pl.Int64))
    answered = asked.join(letters, on="content_id", how="anti", maintain_order="left")
    accounts = answered.select("content_id", "content_hash", proposer=pl.lit(proposer)).join(
        counts, on="content_id", how="left"
    )
    proposed = pl.concat(
        [
            known["proposed_contents"].join(stay, on="content_id", how="semi"),
            accounts.with_columns(pl.col("proposals").fill_null(0)),
        ]
    )
    return {
        "candidate_tags": candidates.sort("content_id", -pl.col("score"), "tag"),
        "proposed_contents": proposed.sort("content_id"),
        "dead_letters": letters.sort("content_id"),
    }


def no_proposals() -> Tables:
    """Return the artifact before anything was proposed."""
    return {name: table.empty() for name, table in CANDIDATE_TAGS.tables.items()}
