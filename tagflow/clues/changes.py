"""What happened to contents since they were last read: new, changed, gone. Source: ours."""

from datetime import datetime

import polars as pl

from tagflow.schemas import RAW_CLUES

TOMBSTONES = RAW_CLUES.tables["tombstones"]


def bury_contents(
    previous: pl.DataFrame, tombstones: pl.DataFrame, raw_clues: pl.DataFrame, now: datetime
) -> pl.DataFrame:
    """Return the ``tombstones`` of today: those of before, without contents that came back, and the contents just gone.

    Args:
        previous: ``raw_clues`` as it was.
        tombstones: as they were.
        raw_clues: as it is now.
        now: when the contents were read, in UTC.
    """
    gone = previous.join(raw_clues, on="content_id", how="anti").with_columns(
        gone_at=pl.lit(now.isoformat(timespec="seconds"))
    )
    old = tombstones.join(raw_clues, on="content_id", how="anti").join(gone, on="content_id", how="anti")
    return pl.concat([old, TOMBSTONES.shape(gone)]).sort("gone_at", "content_id")


def count_changes_of_contents(previous: pl.DataFrame, raw_clues: pl.DataFrame) -> dict[str, int]:
    """Return how many contents are new, changed and gone against ``raw_clues`` as it was."""
    new = raw_clues.join(previous, on="content_id", how="anti").height
    same = raw_clues.join(previous, on=["content_id", "content_hash"], how="semi").height
    gone = previous.join(raw_clues, on="content_id", how="anti").height
    return {"new": new, "changed": len(raw_clues) - new - same, "gone": gone}
