-- Every voided row has its twin in the fact, the twin points back, and the two totals cancel out.
{{ config(tags=["unverified_files"]) }}
with voided as (
    select
        trip_id,
        reversal_twin_trip_id,
        service_type,
        file_month,
        total_amount
    from {{ ref("fact_trips") }}
    where is_voided and {{ in_unverified_files() }}
)

select
    voided.trip_id,
    voided.reversal_twin_trip_id,
    voided.total_amount,
    twins.total_amount as twin_total_amount
from voided
left join voided as twins on voided.reversal_twin_trip_id = twins.trip_id
where
    twins.trip_id is null
    or twins.reversal_twin_trip_id <> voided.trip_id
    or twins.service_type <> voided.service_type
    or twins.file_month <> voided.file_month
    or voided.total_amount + twins.total_amount <> 0
