{{ config(tags=["unverified_files"]) }}
with accepted as (
    select trip_id from {{ ref("fact_trips") }}
    where {{ in_unverified_files() }}
),

rejected as (
    select trip_id from {{ ref("rejected_trips") }}
    where {{ in_unverified_files() }}
)

select rejected.trip_id
from rejected
inner join accepted on rejected.trip_id = accepted.trip_id
