{# Whole days from one date to another. #}
{% macro days_between(first_date, last_date) -%}
    {{ return(adapter.dispatch('days_between', 'xtage')(first_date, last_date)) }}
{%- endmacro %}

{% macro postgres__days_between(first_date, last_date) -%}
    {{ last_date }} - {{ first_date }}
{%- endmacro %}

{% macro redshift__days_between(first_date, last_date) -%}
    cast(datediff(day, {{ first_date }}, {{ last_date }}) as integer)
{%- endmacro %}
