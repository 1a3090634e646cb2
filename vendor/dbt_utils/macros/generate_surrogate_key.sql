{% macro generate_surrogate_key(field_list) %}
    {#- md5 over the fields as text, joined by '-'; a null counts as '_dbt_utils_surrogate_key_null_'. -#}
    {% set fields = [] %}
    {% for field in field_list %}
        {% if not loop.first %}{% do fields.append("'-'") %}{% endif %}
        {% do fields.append("coalesce(" ~ dbt.cast(field, dbt.type_string()) ~ ", '_dbt_utils_surrogate_key_null_')") %}
    {% endfor %}
    {{ return(dbt.hash(dbt.concat(fields))) }}
{% endmacro %}
