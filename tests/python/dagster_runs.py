"""Runs Dagster's assets in this process, for a test; started by the environment of Dagster, not by pytest.

    python dagster_runs.py ingest MONTH | publish | sensor | graph

It prints one JSON object on standard output.
"""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "orchestration" / "dagster"))
import dagster as dg

import definitions


def outcome(run: Any) -> dict[str, Any]:
    """What a run has done."""
    failed = [event for event in run.all_events if event.is_step_failure]
    checks = run.get_asset_check_evaluations()
    return {
        "success": run.success,
        "restarts": sum(event.event_type_value == "STEP_RESTARTED" for event in run.all_events),
        "errors": [str(event.event_specific_data.error) for event in failed],
        "assets": [
            event.asset_key.to_user_string() for event in run.get_asset_materialization_events()
        ],
        "checks": {check.check_name: check.passed for check in checks},
    }


def ingest(month: str) -> dict[str, Any]:
    """Every service of a month; the alert of a failure is that of the sensor."""
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions.defs.get_job_def(definitions.INGEST.name)
        run = job.execute_in_process(
            partition_key=f"{month}-01", instance=instance, raise_on_error=False
        )
        if not run.success:
            definitions.failures(
                dg.build_run_status_sensor_context(
                    sensor_name="failures",
                    dagster_instance=instance,
                    dagster_run=run.dagster_run,
                    dagster_event=run.get_run_failure_event(),
                ).for_run_failure()
            )
        return outcome(run)


def publish() -> dict[str, Any]:
    """Build, judge, and write the site."""
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions.defs.get_job_def(definitions.PUBLISH.name)
        return outcome(job.execute_in_process(instance=instance, raise_on_error=False))


def sensor() -> dict[str, Any]:
    """The months that the sensor asks for, by their run keys."""
    with dg.DagsterInstance.ephemeral() as instance:
        found = definitions.new_months(dg.build_sensor_context(instance=instance))
        return {one.run_key: one.partition_key for one in found if isinstance(one, dg.RunRequest)}


def graph() -> dict[str, Any]:
    """Lineage below the lake, and how many checks and pools there are."""
    found = definitions.defs.resolve_asset_graph()
    keys = list(found.get_all_asset_keys())
    return {
        "children": {
            key.to_user_string(): sorted(
                child.to_user_string() for child in found.get(key).child_keys
            )
            for key in keys
        },
        "checks": sorted(key.name for key in found.asset_check_keys),
        "pools": sorted({pool for key in keys for pool in found.get(key).pools or ()}),
    }


if __name__ == "__main__":
    steps = {"ingest": ingest, "publish": publish, "sensor": sensor, "graph": graph}
    print(json.dumps(steps[sys.argv[1]](*sys.argv[2:])))
