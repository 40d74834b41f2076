"""Which dataset each run was for, so that what it cost can be told by the dataset's name."""

from datetime import UTC, datetime

import polars as pl

from tagflow.adapters.journal_file import JournalFile

RUNS = pl.Schema({"run": pl.String(), "dataset": pl.String(), "currency": pl.String(), "began": pl.String()})
"""``began``: its first question, UTC; ``currency``: of its money, empty where no price was known."""


def register_run(file: JournalFile, run: str, dataset: str, currency: str) -> None:
    """Note what a run is for; what was noted of it first stays.

    Raises:
        ArtifactError: the journal file cannot be written.
    """
    row = (run, dataset, currency, datetime.now(UTC).isoformat(timespec="milliseconds"))
    with file.write() as connection:
        connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", row)


def list_runs(file: JournalFile, dataset: str) -> pl.DataFrame:
    """Return the runs of a dataset (``RUNS``), the oldest first."""
    with file.read() as connection:
        rows = connection.execute(
            f"SELECT {', '.join(RUNS)} FROM runs WHERE dataset = ? ORDER BY began, run", (dataset,)
        ).fetchall()
    return pl.DataFrame(rows, schema=RUNS, orient="row")
