{# The UTC date of a timestamp with time zone, whatever the session's time zone. #}
{% macro utc_date(timestamp) -%}
    cast({{ timestamp }} at time zone 'UTC' as date)
{%- endmacro %}
