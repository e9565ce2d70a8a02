{# A computed amount as money, numeric(18, 4), rounded half away from zero; null when it does not fit. #}
{% macro to_money(expression) -%}
    case when abs({{ expression }}) < 99999999999999.99995 then cast({{ expression }} as numeric(18, 4)) end
{%- endmacro %}
