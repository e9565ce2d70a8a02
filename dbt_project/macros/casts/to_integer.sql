{# A whole number, or null; never an error, never a guess.
   In: clean text (no blanks around it). data_type: `integer` or `bigint`.
   Taken: an optional sign and ASCII digits, also with a fraction of nothing but zeros (`7.0`: what a column of whole
   numbers with gaps becomes when it passed through a float). Not taken: `7.5`, `1e3`, `1,000`, other digits than ASCII,
   or what the type cannot hold. #}
{% macro to_integer(text, data_type='bigint') -%}
    {{ return(adapter.dispatch('to_integer', 'xtage')(text, data_type)) }}
{%- endmacro %}

{# The same on both databases: 18 digits always fit a bigint and 19 a numeric, so a cast behind its pattern cannot fail. #}
{% macro default__to_integer(text, data_type) -%}
    {%- set digits = "split_part(" ~ text ~ ", '.', 1)" -%}
    {%- set value = "cast(" ~ digits ~ " as bigint)" -%}
    {%- set large_value = "cast(" ~ digits ~ " as numeric(19, 0))" -%}
    case
        when {{ text }} ~ '^[+-]?0*[0-9]{1,18}([.]0+)?$'
    {%- if data_type == 'integer' %}
            then case when {{ value }} between -2147483648 and 2147483647 then cast({{ value }} as integer) end
    {%- else %}
            then {{ value }}
        when {{ text }} ~ '^[+-]?0*[0-9]{19}([.]0+)?$'
            then case when {{ large_value }} between -9223372036854775808 and 9223372036854775807 then {{ value }} end
    {%- endif %}
    end
{%- endmacro %}
