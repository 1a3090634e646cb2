{% test no_overlapping_periods(model, keys) %}
    {#- Fails for two rows of the same keys (null: every value) whose periods valid_from..valid_to share a day. -#}
    with numbered as (
        select
            rules.*,
            row_number() over (order by {{ keys | join(", ") }}, valid_from) as rule_number
        from {{ model }} as rules
    )

    select
        one.rule_number,
        other.rule_number as other_rule_number
    from numbered as one
    inner join numbered as other
        on
            one.rule_number < other.rule_number
            {% for key in keys %}
            and (one.{{ key }} = other.{{ key }} or one.{{ key }} is null or other.{{ key }} is null)
            {% endfor %}
            and (one.valid_to is null or other.valid_from is null or other.valid_from <= one.valid_to)
            and (other.valid_to is null or one.valid_from is null or one.valid_from <= other.valid_to)
{% endtest %}
