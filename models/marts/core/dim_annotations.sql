with annotations as (
    select * from {{ ref("annotations") }}
),

final as (
    select
        {{ dbt_utils.generate_surrogate_key(["annotation_date", "service_type", "label"]) }} as annotation_id,
        annotation_date,
        service_type as annotated_service,
        label as annotation_label,
        source as annotation_source
    from annotations
)

select * from final
