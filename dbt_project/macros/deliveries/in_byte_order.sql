{# Text to sort by its bytes, so that both databases put object keys in one order whatever the locale.
   Redshift always sorts so. #}
{% macro in_byte_order(expression) -%}
    {{ return(adapter.dispatch('in_byte_order', 'xtage')(expression)) }}
{%- endmacro %}

{% macro postgres__in_byte_order(expression) -%}
    {{ expression }} collate "C"
{%- endmacro %}

{% macro redshift__in_byte_order(expression) -%}
    {{ expression }}
{%- endmacro %}
