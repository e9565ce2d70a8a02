{# A computed amount as money, numeric(18, 4), rounded half away from zero; null when it does not fit. #}
{% macro to_money(expression) -%}
    cast(case when abs({{ expression }}) < 99999999999999.99995 then {{ expression }} end as numeric(18, 4))
{%- endmacro %}
