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
    -- A literal, so that an engine leaves out the services that a condition excludes, and compares no text per row.
    {% for service, service_type in {"yellow": "Yellow", "green": "Green", "fhv": "FHV", "fhvhv": "HVFHV"}.items() %}
    select
        trip_id,
        cast('{{ service_type }}' as {{ type_of("service_type") }}) as service_type,
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
