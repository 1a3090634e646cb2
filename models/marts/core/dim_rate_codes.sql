with codes as (
    select * from {{ ref("rate_codes") }}
),

final as (
    select
        rate_code_id,
        rate_code_name
    from codes
)

select * from final
