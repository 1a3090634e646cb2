"""TLC-shaped files of the published sizes, whose rows are drawn at random and are the same at every run."""

from collections.abc import Iterator
from pathlib import Path

import duckdb

from taxi_pipeline.lake import quote_literal
from taxi_pipeline.schemas import Service
from taxi_pipeline.seeds import read_seed
from taxi_pipeline.settings import Settings
from taxi_pipeline.synthetic import METADATA_KEY

_YEARS = {
    Service.YELLOW: range(2019, 2021),
    Service.GREEN: range(2019, 2021),
    Service.FHV: range(2019, 2020),
}
"""What is measured unless other years are asked for."""

# 64 random bits per row, cut into the columns; `salt` gives a restated month other amounts.
_TIMES = """
    epoch_ms(month_ms + (draw % month_seconds)::bigint * 1000) as pickup,
    pickup + to_seconds((60 + draw // 4096 % 3600)::bigint) as dropoff,
    1 + (draw // 65536 % 265)::int as pickup_zone,
    1 + (draw // 33554432 % 265)::int as dropoff_zone
"""

# Parts and totals follow the tariff and the vendors' ways with it, as far as seeds/fare_rules.csv knows them.
# Every 200th row takes back the row behind it, as TLC's do; every 100th comes from the dispatch block;
# one row in 50,000 repeats the row before it, one in 20,000 lies outside its month.
_METERED = """
with drawn as (
    select
        i,
        i % 200 = 100 as is_reversal,
        i % 100 = 50 as is_dispatched,
        i % 20000 = 7 as is_outside,
        hash(case when is_reversal then i + 1 when i % 50000 = 9 then i - 1 else i end, {seed}) as draw
    from range({rows}) as numbers(i)
), timed as (
    select *, {times}
    from drawn, (select epoch_ms(timestamp '{month}-01') as month_ms,
        date_diff('second', timestamp '{month}-01', timestamp '{month}-01' + interval 1 month) as month_seconds)
), priced as (
    select
        *,
        case when is_reversal or i % 200 = 101 then 2 else 1 + draw % 2 end::bigint as vendor,
        case when is_reversal then -1 else 1 end as sign,
        3 + draw // 1024 % 4000 / 100.0 + {salt} as fare,
        -- Tips are recorded of cards alone.
        case when not is_dispatched and draw // 16 % 2 = 0
            then round(0.2 * (3 + draw // 1024 % 4000 / 100.0), 2) else 0 end as tip,
        case when month_ms >= epoch_ms(timestamp '2019-02-01') and not is_dispatched then 2.5 end as congestion
    from timed
)
select
    vendor as "VendorID",
    case when is_outside then pickup - interval 4000 day else pickup end as {prefix}_pickup_datetime,
    dropoff as {prefix}_dropoff_datetime,
    case when not is_dispatched then (draw // 8 % 6)::double end as passenger_count,
    draw // 128 % 1500 / 100.0 as trip_distance,
    case when not is_dispatched then 1.0::double end as "RatecodeID",
    case when not is_dispatched then 'N' end as store_and_fwd_flag,
    pickup_zone::bigint as "PULocationID",
    dropoff_zone::bigint as "DOLocationID",
    case when is_dispatched then 0 else 1 + draw // 16 % 2 end::bigint as payment_type,
    sign * fare as fare_amount,
    sign * (0.5 + case when vendor = 1 then coalesce(congestion, 0) else 0 end)::double as extra,
    sign * (0.5 + case when vendor = 1 and not is_dispatched and {improvement_in_tax}
        then 0.3 else 0 end)::double as mta_tax,
    sign * tip as tip_amount,
    0.0::double as tolls_amount,
    sign * 0.3::double as improvement_surcharge,
    round(sign * (fare + 1.3 + coalesce(congestion, 0) + tip), 2)::double as total_amount,
    sign * congestion::double as congestion_surcharge
    {extra}
from priced
"""

_EXTRA = {
    Service.YELLOW: ", null::int as airport_fee",
    Service.GREEN: ", null::double as ehail_fee, 1.0::double as trip_type",
}

_IMPROVEMENT_IN_TAX = {Service.GREEN: "pickup >= timestamp '2022-12-19'"}
"""When vendor 1 counts the improvement surcharge into the tax as well (seeds/fare_rules.csv)."""

_FHV = """
with drawn as (
    select i, hash(i, {seed}) as draw from range({rows}) as numbers(i)
), timed as (
    select *, {times}
    from drawn, (select epoch_ms(timestamp '{month}-01') as month_ms,
        date_diff('second', timestamp '{month}-01', timestamp '{month}-01' + interval 1 month) as month_seconds)
)
select
    'B' || lpad((draw % 900)::varchar, 5, '0') as dispatching_base_num,
    pickup as pickup_datetime,
    dropoff as "dropOff_datetime",
    case when i % 3 = 0 then pickup_zone::double end as "PUlocationID",
    dropoff_zone::double as "DOlocationID",
    null::int as "SR_Flag",
    'B' || lpad((draw // 1024 % 900)::varchar, 5, '0') as "Affiliated_base_number"
from timed
"""


# Taxes and fees by the rates of 2025; Lyft gives neither on_scene_datetime nor an originating base.
_HVFHV = """
with drawn as (
    select i, i % 4 = 0 as is_lyft, hash(i, {seed}) as draw from range({rows}) as numbers(i)
), timed as (
    select *, {times}
    from drawn, (select epoch_ms(timestamp '{month}-01') as month_ms,
        date_diff('second', timestamp '{month}-01', timestamp '{month}-01' + interval 1 month) as month_seconds)
), priced as (
    select
        *,
        6 + draw // 1024 % 4000 / 100.0 as fare,
        case when draw // 2048 % 20 = 0 then 6.94 else 0 end as toll
    from timed
)
select
    case when is_lyft then 'HV0005' else 'HV0003' end as hvfhs_license_num,
    case when is_lyft then 'B03406' else 'B03404' end as dispatching_base_num,
    case when not is_lyft then 'B03404' end as originating_base_num,
    pickup - to_seconds((60 + draw // 64 % 600)::bigint) as request_datetime,
    case when not is_lyft then pickup - to_seconds((draw // 64 % 60)::bigint) end as on_scene_datetime,
    pickup as pickup_datetime,
    dropoff as dropoff_datetime,
    pickup_zone::bigint as "PULocationID",
    dropoff_zone::bigint as "DOLocationID",
    draw // 128 % 1500 / 100.0 as trip_miles,
    date_diff('second', pickup, dropoff)::bigint as trip_time,
    fare::double as base_passenger_fare,
    toll::double as tolls,
    round(0.0275 * (fare + toll), 2)::double as bcf,
    round(0.08875 * (fare + toll), 2)::double as sales_tax,
    2.75::double as congestion_surcharge,
    0.0::double as airport_fee,
    (draw // 32 % 5)::double as tips,
    round(0.75 * fare, 2)::double as driver_pay,
    'N' as shared_request_flag,
    'N' as shared_match_flag,
    ' ' as access_a_ride_flag,
    'N' as wav_request_flag,
    'N' as wav_match_flag
from priced
"""


def published_rows(
    settings: Settings, years: range | None = None
) -> Iterator[tuple[Service, str, int]]:
    """Service, month and published row count of the files that are measured.

    Args:
        settings: the project.
        years: of all services; None for yellow and green of 2019 and 2020 and FHV of 2019.
    """
    for row in read_seed("published_trip_counts", settings.project_dir):
        service, month = Service(row["service_type"]), row["file_month"][:7]
        if int(month[:4]) in (_YEARS.get(service, ()) if years is None else years):
            yield service, month, int(row["parquet_rows"])


def file_sql(service: Service, month: str, rows: int, salt: int = 0) -> str:
    """The query for a TLC-shaped file.

    Args:
        service: whose columns.
        month: ``YYYY-MM``.
        rows: how many.
        salt: dollars to add to every fare, for another version of the same month.
    """
    seed = service.code * 1_000_000 + int(month.replace("-", ""))
    template = {Service.FHV: _FHV, Service.HVFHV: _HVFHV}.get(service, _METERED)
    return template.format(
        rows=rows,
        month=month,
        seed=seed,
        salt=salt,
        times=_TIMES,
        prefix="tpep" if service is Service.YELLOW else "lpep",
        extra=_EXTRA.get(service, ""),
        improvement_in_tax=_IMPROVEMENT_IN_TAX.get(service, "false"),
    )


def write_file(folder: Path, service: Service, month: str, rows: int, salt: int = 0) -> Path:
    """Write one TLC-shaped Parquet file."""
    path = folder / f"{service}_tripdata_{month}.parquet"
    with duckdb.connect(config={"memory_limit": "2GB"}) as connection:
        connection.execute(
            f"copy ({file_sql(service, month, rows, salt)}) to {quote_literal(path)}"
            f" (format parquet, kv_metadata {{{METADATA_KEY}: 'true'}})"
        )
    return path
