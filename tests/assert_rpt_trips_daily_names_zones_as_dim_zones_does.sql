-- Names and points stand in the rows: after a change of the zones, `taxi build --full-refresh --select rpt_trips_daily`.
select distinct
    report.pickup_zone_id,
    report.pickup_zone,
    zones.zone_label
from {{ ref("rpt_trips_daily") }} as report
inner join {{ ref("dim_zones") }} as zones on report.pickup_zone_id = zones.zone_id
where
    report.pickup_zone <> zones.zone_label
    or report.pickup_borough <> zones.borough
    or report.pickup_borough_label <> zones.borough_label
    or report.pickup_service_zone <> zones.service_zone
    or report.is_airport_pickup <> zones.is_airport
    or report.pickup_location is distinct from {{ lat_lon("zones.latitude", "zones.longitude") }}
