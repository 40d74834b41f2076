"""When datasets are refreshed: one ticking schedule looks which of them are due."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
from cronsim import CronSim

from tagflow.adapters.duckdb_store import DuckDBStore
from tagflow.errors import TagflowError
from tagflow.pipeline.budget import default_status
from tagflow.pipeline.datasets import find_unfinished
from tagflow.pipeline.jobs import JOBS, Jobs, prefix_name
from tagflow.pipeline.resources import Workbench
from tagflow.settings import list_datasets, load_settings

TICK = "*/5 * * * *"  # ours: a refresh starts at most five minutes late
LOOK_BACK = timedelta(days=400)  # ours: longer than the longest pause of a yearly schedule


def look_for_due_datasets(
    context: dg.ScheduleEvaluationContext, workbench: Workbench
) -> dg.SkipReason | list[dg.RunRequest]:
    """Ask for one run for each dataset that is due and has no run under way.

    A dataset that has one is passed over, and looked at again at the next tick. A time that was asked for once is never
    asked for again.
    """
    now = context.scheduled_execution_time.astimezone(UTC)
    asked, waiting, store = [], [], workbench.store()
    for name in list_datasets(workbench.folder()):
        try:
            cron = load_settings(workbench.folder(), name).schedule.refresh
            due = find_due(cron, now, find_last_refresh(store, name)) if cron else None
        except TagflowError as error:
            context.log.warning(str(error))  # one dataset that is wrong stops no other
            continue
        if due and (run := find_unfinished(context.instance, name)):
            waiting.append(f"{name} is due since {due.isoformat()}, and run {run} of it is still on")
        elif due:
            key = f"{name}: refresh of {due.isoformat()}"
            asked.append(dg.RunRequest(run_key=key, partition_key=name))
    for said in waiting if asked else ():
        context.log.info(said)  # Dagster shows a reason to skip only where nothing is asked for
    return asked or dg.SkipReason("; ".join(waiting) or "no dataset is due")


def find_due(cron: str, now: datetime, last: datetime | None) -> datetime | None:
    """Return the latest time of a cron line up to now, unless the last refresh was later.

    Args:
        cron: five fields, in UTC.
        now: the time of the tick.
        last: when the dataset was last refreshed; None for never: then nothing is due, its first run is a person's.
    """
    if last is None:
        return None
    times = CronSim(cron, now + timedelta(seconds=1), reverse=True)
    due = next(times, None)
    return due if due is not None and last < due and now - due < LOOK_BACK else None


def find_last_refresh(store: DuckDBStore, name: str) -> datetime | None:
    """Return when the dataset's tag set was last made, or None."""
    if not store.exists(name, "fused_tagset"):
        return None
    return datetime.fromisoformat(store.describe(name, "fused_tagset")["written_at"])


def make_schedule(jobs: Jobs, prefix: Sequence[str] = ()) -> dg.ScheduleDefinition:
    """Return the schedule that starts refreshes below a key prefix, which its name begins with."""
    tick = dg.schedule(
        name=prefix_name(prefix, "refresh_schedule"),
        job=jobs.tag_dataset,
        cron_schedule=TICK,
        execution_timezone="UTC",
        default_status=default_status(dg.DefaultScheduleStatus),
        description="Starts the refresh of every dataset whose schedule.refresh (cron, UTC) came round since its last "
        "one, unless a run of it is still on.",
    )
    return tick(look_for_due_datasets)


refresh_schedule = make_schedule(JOBS)
