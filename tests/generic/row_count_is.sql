{% test row_count_is(model, expected) %}
    {#- Fails unless the model has exactly `expected` rows. -#}
    select count(*) as row_count
    from {{ model }}
    having count(*) <> {{ expected }}
{% endtest %}
