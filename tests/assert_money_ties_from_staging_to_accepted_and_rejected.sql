-- Per file and amount, to the cent: what staging holds is what fact_trips and rejected_trips hold together.
{% set yellow_columns = money_columns() | reject("equalto", "ehail_fee_amount") | list %}
{% set green_columns = money_columns() | reject("equalto", "airport_fee_amount") | list %}

with yellow as (
    select
        service_type,
        file_month,
        {{ sums(yellow_columns) }},
        cast(null as {{ type_decimal(12, 2) }}) as ehail_fee_amount
    from {{ ref("stg_yellow_tripdata") }}
    where {{ in_unverified_files() }}
    group by service_type, file_month
),

green as (
    select
        service_type,
        file_month,
        {{ sums(green_columns) }},
        cast(null as {{ type_decimal(12, 2) }}) as airport_fee_amount
    from {{ ref("stg_green_tripdata") }}
    where {{ in_unverified_files() }}
    group by service_type, file_month
),

staged as (
    select
        service_type,
        file_month,
        {{ money_columns() | join(", ") }}
    from yellow

    union all

    select
        service_type,
        file_month,
        {{ money_columns() | join(", ") }}
    from green
),

accepted_and_rejected as (
    select
        service_type,
        file_month,
        {{ money_columns() | join(", ") }}
    from {{ ref("fact_trips") }}
    where {{ in_unverified_files() }}

    union all

    select
        service_type,
        file_month,
        {{ money_columns() | join(", ") }}
    from {{ ref("rejected_trips") }}
    where {{ in_unverified_files() }}
),

built as (
    select
        service_type,
        file_month,
        {{ sums(money_columns()) }}
    from accepted_and_rejected
    group by service_type, file_month
)

select
    coalesce(staged.service_type, built.service_type) as service_type,
    coalesce(staged.file_month, built.file_month) as file_month,
    staged.total_amount as staged_total_amount,
    built.total_amount as built_total_amount
from staged
full outer join built
    on
        staged.service_type = built.service_type
        and staged.file_month = built.file_month
where {{ any_differs("staged", "built", money_columns()) }}
