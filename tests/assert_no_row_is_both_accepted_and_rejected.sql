select rejected_trips.trip_id
from {{ ref("rejected_trips") }} as rejected_trips
inner join {{ ref("fact_trips") }} as fact_trips on rejected_trips.trip_id = fact_trips.trip_id
