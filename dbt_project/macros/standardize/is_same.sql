{# Whether two values are equal, where null equals null: `is not distinct from`, which Redshift lacks. #}
{% macro is_same(left, right) -%}
    coalesce({{ left }} = {{ right }}, {{ left }} is null and {{ right }} is null)
{%- endmacro %}
