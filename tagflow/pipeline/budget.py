"""What starts by itself: nothing that could spend money without a budget."""

import os
from enum import Enum
from typing import TypeVar

from tagflow.adapters.deployment import BASE_URL, BUDGET

S = TypeVar("S", bound=Enum)


def default_status(kind: type[S]) -> S:
    """Return RUNNING, or STOPPED where a language model is configured and no budget limits what it may cost.

    Args:
        kind: Dagster's DefaultSensorStatus or DefaultScheduleStatus.
    """
    may_spend = bool(os.environ.get(BASE_URL, "").strip())
    limited = bool(os.environ.get(BUDGET, "").strip())
    return kind["STOPPED" if may_spend and not limited else "RUNNING"]
