"""What tells people that a run failed or a check did, through a function of theirs; without one nothing is sent."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import dagster as dg

from tagflow.control_characters import escape_controls
from tagflow.pipeline.jobs import Jobs, prefix_name


class Alert(NamedTuple):
    """Something a person should look at.

    Attributes:
        kind: ``run`` (it failed), ``error`` (a check did) or ``warning``.
        dataset: the dataset; empty for a run without a partition.
        asset: the asset of a check; empty for a run.
        what: the failed step of a run, or the check.
        said: why, in one line; it holds no text of contents.
        run_id: the run.
    """

    kind: Literal["run", "error", "warning"]
    dataset: str
    asset: str
    what: str
    said: str
    run_id: str


KINDS: dict[dg.AssetCheckSeverity, Literal["error", "warning"]] = {
    dg.AssetCheckSeverity.ERROR: "error",
    dg.AssetCheckSeverity.WARN: "warning",
}

Send = Callable[[Alert], object]
"""Takes an alert to people: a mail, a message, a line in a log."""


def make_alert_sensors(send: Send, jobs: Jobs, prefix: Sequence[str] = ()) -> list[dg.SensorDefinition]:
    """Return the sensors that send an alert for each failed run of the jobs, and for each check that did not pass.

    Args:
        send: called in the daemon, once an alert; what it raises is in the sensor's tick.
        jobs: those that are watched.
        prefix: what the sensors' names begin with.
    """

    @dg.run_failure_sensor(
        name=prefix_name(prefix, "failure_alerts"),
        monitored_jobs=list(jobs),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Sends an alert for each failed run.",
    )
    def look_for_failures(context: dg.RunFailureSensorContext) -> None:
        steps = context.get_step_failure_events()
        step, said = (steps[0].step_key or "" if steps else ""), _tell(_find_cause(context, steps))
        send(Alert("run", _find_dataset(context), "", step, said, context.dagster_run.run_id))

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name=prefix_name(prefix, "check_alerts"),
        monitored_jobs=list(jobs),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Sends an alert for each check that did not pass.",
    )
    def look_for_checks(context: dg.RunStatusSensorContext) -> None:
        run = context.dagster_run.run_id
        for entry in context.instance.all_logs(run, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
            if entry.dagster_event is None:
                continue
            check = entry.dagster_event.asset_check_evaluation_data
            if not check.passed:
                asset = check.asset_key.to_user_string()
                send(
                    Alert(
                        KINDS[check.severity],
                        _find_dataset(context),
                        asset,
                        check.check_name,
                        _tell(check.description),
                        run,
                    )
                )

    return [look_for_failures, look_for_checks]


def _find_cause(context: dg.RunFailureSensorContext, steps: Sequence[dg.DagsterEvent]) -> str | None:
    """The innermost error of the first failed step, which is the sentence for people."""
    error = steps[0].step_failure_data.error if steps else None
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message if error is not None else context.failure_event.message


def _find_dataset(context: dg.RunStatusSensorContext) -> str:
    return context.dagster_run.tags.get("dagster/partition", "")


def _tell(said: str | None) -> str:
    return escape_controls(" ".join((said or "").split()))
