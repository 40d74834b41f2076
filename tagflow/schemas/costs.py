"""What tagging took."""

from tagflow.schemas.dtypes import COUNT, SHARE, TEXT
from tagflow.tables import Column, Table

SPENT = {
    "seconds": Column(SHARE, "processor seconds it took", nullable=True),
    "requests": Column(COUNT, "requests to a language model"),
    "answers_reused": Column(COUNT, "answers that were kept from before and cost nothing"),
    "tokens": Column(COUNT, "tokens of prompts and answers that were paid"),
    "money": Column(SHARE, "what they cost, in the deployment's currency; null without a price", nullable=True),
    "unanswered": Column(COUNT, "contents without a usable answer"),
}
"""Columns of an account."""

TAGGING_COSTS = Table(
    {
        "model": Column(TEXT, "tagging method and tag model"),
        "contents": Column(COUNT, "contents that it was asked about, each time counted"),
        **SPENT,
    },
    key=("model",),
)
"""One row: the sums since this method and model began to tag, or since everything was last tagged anew for nothing."""
