with codes as (
    select * from {{ ref("payment_types") }}
),

final as (
    select
        payment_type_id,
        payment_type_name,
        payment_type_id = {{ var("card_payment_type_id") }} as is_card
    from codes
)

select * from final
