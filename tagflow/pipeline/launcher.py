"""Starts runs as Dagster does by default, and tells its run monitoring which of them lost their process."""

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus

from tagflow.adapters.process_life import lives


class LocalRunLauncher(DefaultRunLauncher):
    """Dagster's default launcher, which can also say whether the process of a run still lives.

    Dagster's own cannot, so that a run whose process was killed together with its code server, by a power cut or for
    want of memory, would count as under way until ``max_runtime_seconds``, and nothing else of its dataset would be
    started for so long. With this one, run monitoring ends it within seconds and ``run_retries`` starts it once more.
    It is for instances that have their runs on the machine of the daemon.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Tell run monitoring that it may ask."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return RUNNING while the process that noted its number in the run's log lives, or where none did."""
        for event in self._instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
            said = event.dagster_event.engine_event_data.metadata.get("pid") if event.dagster_event else None
            if said is not None and event.step_key is None:
                pid = int(str(said.value))
                if lives(pid, event.timestamp):
                    return CheckRunHealthResult(WorkerStatus.RUNNING)
                return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"process {pid} of the run is gone")
        return CheckRunHealthResult(WorkerStatus.RUNNING, "no process is noted yet")
