{# Which feed a value of the unified dataset comes from. #}
{% macro source_of(transaction_value, sale_value) -%}
    case
        when {{ transaction_value }} is not null then 'transactions'
        when {{ sale_value }} is not null then 'sales'
    end
{%- endmacro %}
