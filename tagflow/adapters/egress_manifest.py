"""What left the machine in a run: where to, for which task, which fields of how many records; never what they said."""

import polars as pl

from tagflow.adapters.journal_file import JournalFile
from tagflow.calls import Call
from tagflow.prompts.redaction import count_placeholders

MANIFEST = pl.Schema(
    {
        "run": pl.String(),
        "host": pl.String(),
        "task": pl.String(),
        "fields": pl.List(pl.String()),
        "records": pl.Int64(),
        "requests": pl.Int64(),
        "bytes": pl.Int64(),
        "redactions": pl.Int64(),
    }
)
"""Distinct records; bytes and redactions as often as they were sent."""

COUNT = """
INSERT INTO egress (run, host, task, fields, requests, bytes, redactions) VALUES (?, ?, ?, ?, 1, ?, ?)
ON CONFLICT DO UPDATE SET requests = requests + 1, bytes = bytes + excluded.bytes,
    redactions = redactions + excluded.redactions RETURNING id
"""
READ = """
SELECT run, host, task, fields, (SELECT count(*) FROM egress_records WHERE egress = id), requests, bytes, redactions
FROM egress WHERE run = ? ORDER BY host, task, fields
"""


class EgressManifest:
    """The manifest of one run; every request is in it before it is sent, whatever becomes of the process."""

    def __init__(self, file: JournalFile, *, run: str) -> None:
        """Count in the journal file for the run."""
        self._file, self._run = file, run

    def record(self, host: str, call: Call, sent_bytes: int) -> None:
        """Count one request; call it before sending.

        Raises:
            ArtifactError: it could not be written down; then nothing may be sent.
        """
        masked = sum(count_placeholders(text) for _, text in call.messages)
        with self._file.write() as connection:
            row = (self._run, host, call.task, "\n".join(sorted(set(call.fields))), sent_bytes, masked)
            ((egress,),) = connection.execute(COUNT, row).fetchall()
            connection.execute("INSERT OR IGNORE INTO egress_records VALUES (?, ?)", (egress, call.record))

    def read(self) -> pl.DataFrame:
        """Return the manifest of the run (``MANIFEST``), sorted by host, task and fields."""
        with self._file.read() as connection:
            rows = connection.execute(READ, (self._run,)).fetchall()
        split = [(*row[:3], row[3].split("\n") if row[3] else [], *row[4:]) for row in rows]
        return pl.DataFrame(split, schema=MANIFEST, orient="row")
