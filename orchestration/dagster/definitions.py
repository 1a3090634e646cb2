"""The lake's months, the tables of dbt with their tests, the judgement and the site: Dagster's assets."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from dagster_dbt import dbt_assets

sys.path += [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]
from dbt_results import ASSETS, Translator, events, read_manifest, read_results
from taxi_alerts import alert
from taxi_documents import Month
from taxi_steps import (
    FIRST_MONTH,
    PUBLISHED_AFTER_MONTHS,
    RETRIES,
    RETRY_SECONDS,
    DataFailError,
    NotDoneError,
    NotPublishedError,
    StepError,
    Taxi,
    months_before,
)

TAXI = Taxi.from_environment()
MONTHS = dg.MonthlyPartitionsDefinition(start_date=FIRST_MONTH.isoformat())
POOL = "taxi_writer"
"""One slot (``dagster.yaml``): DuckDB has one writer, and the lake's manifest changes one after the other."""

MANIFEST = read_manifest(TAXI.artifacts)
TRANSLATOR = Translator()


def taxi(context: dg.AssetExecutionContext, command: list[str]) -> None:
    """Run a command; data that fail and months that are not out are not tried again."""
    try:
        TAXI.run(command, context.log.info)
    except NotDoneError as error:
        raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=RETRY_SECONDS) from error
    except NotPublishedError as error:
        raise dg.Failure(
            f"{error} The sensor new_months takes it later.", allow_retries=False
        ) from error
    except DataFailError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


def lake_month(service: str) -> dg.AssetsDefinition:
    """The asset of a service's files, a partition a month."""

    @dg.asset(
        key=["lake", service],
        partitions_def=MONTHS,
        backfill_policy=dg.BackfillPolicy.multi_run(1),
        group_name="lake",
        kinds={"parquet"},
        pool=POOL,
        description=f"TLC's {service} file of a month, checked and in the lake.",
    )
    def month(context: dg.AssetExecutionContext) -> None:
        taxi(context, TAXI.ingest(Month.of(service, context.partition_key)))

    return month


@dbt_assets(
    manifest=MANIFEST,
    exclude="resource_type:unit_test",
    dagster_dbt_translator=TRANSLATOR,
    name="warehouse",
    pool=POOL,
)
def warehouse(
    context: dg.AssetExecutionContext,
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Load what changed, where the target is a server; build and test."""
    if TAXI.is_server:
        taxi(context, TAXI.load())
    try:
        taxi(context, TAXI.build())
    except dg.Failure:
        yield from events(MANIFEST, read_results(TAXI.artifacts), TRANSLATOR, passed=False)
        raise
    yield from events(MANIFEST, read_results(TAXI.artifacts), TRANSLATOR, passed=True)


MARTS = [
    TRANSLATOR.get_asset_spec(MANIFEST, name, None).key
    for name, node in MANIFEST["nodes"].items()
    if node["resource_type"] in ASSETS and node["name"].startswith(("mart_", "rpt_", "fact_"))
]


@dg.asset(deps=MARTS, group_name="published", pool=POOL)
def quality(context: dg.AssetExecutionContext) -> None:
    """Months and marts, judged against what is expected of them."""
    taxi(context, TAXI.validate())


@dg.asset(deps=[quality], group_name="published", pool=POOL, kinds={"html"})
def site(context: dg.AssetExecutionContext) -> None:
    """The dashboard and the other pages."""
    taxi(context, TAXI.site())


LAKE = [lake_month(service) for service in TAXI.services]
INGEST = dg.define_asset_job("ingest_month", dg.AssetSelection.assets(*LAKE), partitions_def=MONTHS)
PUBLISH = dg.define_asset_job("publish", dg.AssetSelection.assets(warehouse, quality, site))


@dg.sensor(
    job=INGEST, minimum_interval_seconds=6 * 3600, default_status=dg.DefaultSensorStatus.RUNNING
)
def new_months(_context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Ask for each month that the publisher has and the lake lacks, or has otherwise."""
    last = months_before(datetime.now(UTC).date(), PUBLISHED_AFTER_MONTHS)
    try:
        found = TAXI.plan_months(FIRST_MONTH, last)
    except StepError as error:
        yield dg.SkipReason(str(error))
        return
    for item in found:
        yield dg.RunRequest(
            run_key=item.key,
            partition_key=item.month.first.isoformat(),
            asset_selection=[dg.AssetKey(["lake", item.month.service])],
        )
    if not found:
        yield dg.SkipReason("Every published month is in the lake, as it is published.")


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[INGEST],
    request_job=PUBLISH,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def after_ingestion(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
    """Publish once the last of the months that are under way is in the lake."""
    under_way = dg.RunsFilter(job_name=INGEST.name, statuses=UNDER_WAY)
    if context.instance.get_runs_count(under_way):
        return dg.SkipReason("More months are on their way.")
    return dg.RunRequest(run_key=context.dagster_run.run_id)


UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


@dg.run_failure_sensor(default_status=dg.DefaultSensorStatus.RUNNING)
def failures(context: dg.RunFailureSensorContext) -> None:
    """Say what failed."""
    run = context.dagster_run
    month = run.tags.get("dagster/partition", "")
    for event in context.get_step_failure_events() or [context.failure_event]:
        error = getattr(event.event_specific_data, "error", None)
        while error is not None and error.cause is not None:
            error = error.cause
        alert(
            " ".join(filter(None, [run.job_name, event.step_key, month])),
            error.message if error else event.message or "",
        )


defs = dg.Definitions(
    assets=[*LAKE, warehouse, quality, site],
    jobs=[INGEST, PUBLISH],
    sensors=[new_months, after_ingestion, failures],
    executor=dg.in_process_executor,  # each step of its own would load the manifest again
)
