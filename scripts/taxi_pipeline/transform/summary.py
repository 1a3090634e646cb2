"""What a build has made of the files: read from the small tables of the warehouse, never from all trips."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Query = Callable[[str], Sequence[tuple[Any, ...]]]

_BY_SERVICE = """
with sources as (
    select service_type, count(*) as files, cast(sum(row_count) as bigint) as rows_in,
        max(case when is_synthetic then 1 else 0 end) as is_synthetic
    from stg_ingested_files
    where load_id in (select load_id from fact_file_completeness)
    group by service_type
),
accepted as (
    select service_type, cast(sum(row_count) as bigint) as accepted, sum(total_amount) as revenue
    from mart_daily_service_summary
    group by service_type
),
rejected as (
    select service_type, count(*) as rejected from rejected_trips group by service_type
)
select
    sources.service_type, files, rows_in, coalesce(accepted, 0), coalesce(rejected, 0), revenue, is_synthetic
from sources
left join accepted using (service_type)
left join rejected using (service_type)
order by case sources.service_type when 'Yellow' then 1 when 'Green' then 2 else 3 end, sources.service_type
"""

_BY_REASON = """
select service_type, reject_reason, count(*) as rejected
from rejected_trips
inner join dim_reject_reasons using (reject_reason)
group by service_type, reject_reason, rule_order
order by rule_order, service_type
"""


@dataclass(frozen=True)
class ServiceTotals:
    """One service in the warehouse.

    Attributes:
        service: ``Yellow``, ``Green``, ``FHV`` or ``HVFHV``.
        files: months loaded.
        rows_in: data rows of those files.
        accepted: rows in ``fact_trips``.
        rejected: rows in ``rejected_trips``.
        revenue: dollars, the sum of ``total_amount`` over the accepted rows; None where there are none, as of FHV.
        is_synthetic: whether any of the files is this project's own sample.
    """

    service: str
    files: int
    rows_in: int
    accepted: int
    rejected: int
    revenue: Decimal | None
    is_synthetic: bool


@dataclass(frozen=True)
class WarehouseSummary:
    """All services, and the rejected rows by (service, reason, rows) in the order of the rules."""

    services: tuple[ServiceTotals, ...]
    rejected: tuple[tuple[str, str, int], ...]

    @property
    def is_synthetic(self) -> bool:
        """Whether any number here comes from the synthetic sample."""
        return any(service.is_synthetic for service in self.services)


def summarize(query: Query) -> WarehouseSummary:
    """Read the summary from a warehouse that has been built.

    Args:
        query: gives the rows of a query on the target's schema.
    """
    services = (
        ServiceTotals(
            service=str(service),
            files=int(files),
            rows_in=int(rows_in),
            accepted=int(accepted),
            rejected=int(rejected),
            revenue=None if revenue is None else Decimal(str(revenue)),
            is_synthetic=bool(is_synthetic),
        )
        for service, files, rows_in, accepted, rejected, revenue, is_synthetic in query(_BY_SERVICE)
    )
    rejected = (
        (str(service), str(reason), int(rows)) for service, reason, rows in query(_BY_REASON)
    )
    return WarehouseSummary(tuple(services), tuple(rejected))
