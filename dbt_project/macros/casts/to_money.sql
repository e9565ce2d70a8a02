{# A computed amount as money, numeric(18, 4), rounded half away from zero; null when it does not fit.
   Rounded before the cast: Redshift's cuts off (its setting enable_numeric_rounding is off unless somebody turns it on). #}
{% macro to_money(expression) -%}
    cast(case when abs({{ expression }}) < 99999999999999.99995 then round({{ expression }}, 4) end as numeric(18, 4))
{%- endmacro %}
