{% test unique_in_file(model, column_name) %}
    {#- Fails for each file of which some row number stands in the model twice; trip_id is service, month and that number. -#}
    select
        service_type,
        file_month,
        count(*) as row_count,
        {{ count_distinct_numbers(column_name) }} as distinct_count
    from {{ model }}
    group by service_type, file_month
    having count(*) <> {{ count_distinct_numbers(column_name) }}
{% endtest %}
