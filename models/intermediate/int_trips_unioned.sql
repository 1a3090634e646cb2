with yellow as (
    select * from {{ ref("stg_yellow_tripdata") }}
),

green as (
    select * from {{ ref("stg_green_tripdata") }}
),

fhv as (
    select * from {{ ref("stg_fhv_tripdata") }}
),

fhvhv as (
    select * from {{ ref("stg_fhvhv_tripdata") }}
),

unioned as (
    {% for service in ["yellow", "green", "fhv", "fhvhv"] %}
    select
        trip_id,
        service_type,
        file_month,
        source_row,
        source_file,
        ingested_at,
        raw_line,
        unreadable_fields,
        {{ select_union_columns(service) }}
    from {{ service }}
    {{ "union all" if not loop.last }}
    {% endfor %}
)

select * from unioned
