"""A build as OpenLineage events, where the environment names a receiver; OpenLineage's library reads dbt's artifacts.

The library is the extra `openlineage`. A receiver that is not there is a warning, never the end of a build.
"""

import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from taxi_pipeline.addresses import redact
from taxi_pipeline.artifacts import read_artifact
from taxi_pipeline.history.records import RunStep
from taxi_pipeline.seeds import PROJECT_FILE
from taxi_pipeline.settings import Settings
from taxi_pipeline.texts import plural

_ASKED_BY = ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG", "OPENLINEAGE__TRANSPORT")
_OFF = {"true", "1", "yes"}
PRODUCER = "nyc-taxi-warehouse"


def is_asked_for() -> bool:
    """Whether the environment says where events are to go."""
    if os.environ.get("OPENLINEAGE_DISABLED", "").lower() in _OFF:
        return False
    return any(name.startswith(_ASKED_BY) and value for name, value in os.environ.items())


def send_events(settings: Settings, step: RunStep, warn: Callable[[str], None]) -> int:
    """Send what dbt has left of a build: a run, in it an event for the start and the end of each model and its tests.

    After the first event that is not taken, no other is sent: a receiver that is gone costs seconds an event.

    Args:
        settings: where dbt's artifacts are.
        step: the build, which has ended.
        warn: told what went wrong.

    Returns:
        How many events were taken.
    """
    if not is_asked_for():
        return 0
    try:
        from openlineage.client import OpenLineageClient  # noqa: PLC0415 - an extra
    except ImportError:
        warn(
            "OpenLineage: the environment names a receiver, but the library is not installed:"
            ' `pip install --constraint constraints.txt --editable ".[openlineage]"`.'
        )
        return 0
    sent = 0
    try:
        client = OpenLineageClient()
        for event in _events(settings, step):
            client.emit(event)
            sent += 1
        client.close(timeout=30)
    except Exception as error:  # of a library and a receiver: a build must not fail of them
        reason = redact(" ".join(str(error).split())[:300])
        warn(f"OpenLineage: {plural(sent, 'event')} sent, the others not: {reason}.")
    return sent


def _events(settings: Settings, step: RunStep) -> list[Any]:
    from openlineage.client.event_v2 import Job, Run, RunEvent, RunState  # noqa: PLC0415
    from openlineage.client.facet_v2 import job_type_job  # noqa: PLC0415
    from openlineage.client.uuid import generate_new_uuid  # noqa: PLC0415
    from openlineage.common.provider.dbt.facets import ParentRunMetadata  # noqa: PLC0415
    from openlineage.common.provider.dbt.local import DbtLocalArtifactProcessor  # noqa: PLC0415

    if step.ended_at is None or not (settings.project_dir / PROJECT_FILE).exists():
        return []
    quiet = logging.getLogger(f"{__name__}.artifacts")
    quiet.setLevel(logging.ERROR)
    namespace = os.environ.get("OPENLINEAGE_NAMESPACE") or "nyc_taxi"
    processor = DbtLocalArtifactProcessor(
        project_dir=str(settings.project_dir),
        target=step.target,
        target_path=str(settings.target_dir),
        producer=PRODUCER,
        job_namespace=namespace,
        logger=quiet,
    )
    run_id, name = str(generate_new_uuid()), processor.job_name
    processor.dbt_run_metadata = ParentRunMetadata(
        run_id=run_id, job_name=name, job_namespace=namespace
    )
    # `dbt retry` is a build to the library, which knows no such command.
    processor.should_raise_on_unsupported_command = False
    kind = job_type_job.JobTypeJobFacet(jobType="JOB", integration="DBT", processingType="BATCH")

    def of_run(state: Any, moment: datetime) -> Any:
        return RunEvent(
            eventType=state,
            eventTime=moment.replace(tzinfo=UTC).isoformat(),
            run=Run(runId=run_id),
            job=Job(namespace=namespace, name=name, facets={"jobType": kind}),
            producer=PRODUCER,
        )

    ending = RunState.FAIL if step.exit_code else RunState.COMPLETE
    is_own = _has_results(settings, step)
    return [
        of_run(RunState.START, step.started_at),
        *(processor.parse().events() if is_own else ()),
        of_run(ending, step.ended_at),
    ]


def _has_results(settings: Settings, step: RunStep) -> bool:
    """Whether dbt's artifacts are of this build: one that could not begin leaves those of an earlier one."""
    try:
        results = read_artifact(settings.target_dir, "run_results")
    except (OSError, ValueError):
        return False
    env = results.get("metadata", {}).get("env", {})
    return bool(env.get("TAXI_RUN_ID") == step.run_id)
