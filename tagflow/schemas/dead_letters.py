"""Contents that a language model gave no answer for."""

from tagflow.schemas.dtypes import COUNT, TEXT
from tagflow.tables import Column, Table

DEAD_LETTERS = Table(
    {
        "content_id": Column(TEXT, "a content that the language model gave no answer for"),
        "task": Column(TEXT, "propose, select, judge or rerank"),
        "outcome": Column(TEXT, "how the question ended; over_budget and stopped wait, all others were given up"),
        "reason": Column(TEXT, "why, in words that hold nothing of the content"),
        "requests": Column(COUNT, "requests sent for it"),
    },
    key=("content_id", "task"),
)
"""Questions without an answer; empty with the embedded tag model."""
