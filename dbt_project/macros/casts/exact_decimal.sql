{# The number that a text holds before it is rounded, to compare with a limit: -0.00001 is below 0, though as money it
   rounds to 0.
   In: clean text that to_decimal reads. #}
{% macro exact_decimal(text) -%}
    {{ return(adapter.dispatch('exact_decimal', 'xtage')(text)) }}
{%- endmacro %}

{% macro postgres__exact_decimal(text) -%}
    cast({{ text }} as numeric)
{%- endmacro %}

{# As exact as Redshift can: to the twentieth place. #}
{% macro redshift__exact_decimal(text) -%}
    {{ xtage.redshift__to_decimal(text, 38, 20) }}
{%- endmacro %}
