{{ config(tags=["unverified_files"]) }}
{% set is_unverified = in_unverified_files() %}

with accepted as (
    select trip_id from {{ ref("fact_trips") }}
    where {{ is_unverified }}
),

rejected as (
    select trip_id from {{ ref("rejected_trips") }}
    where {{ is_unverified }}
)

select rejected.trip_id
from rejected
inner join accepted on rejected.trip_id = accepted.trip_id
