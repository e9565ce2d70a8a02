{# A whole number, or null; never an error, never a guess.
   In: clean text (no blanks around it). data_type: `integer` or `bigint`.
   Taken: an optional sign and ASCII digits, also with a fraction of nothing but zeros (`7.0`: what a column of whole
   numbers with gaps becomes when it passed through a float). Not taken: `7.5`, `1e3`, `1,000`, other digits than ASCII,
   more than 18 digits, or what the type cannot hold. #}
{% macro to_integer(text, data_type='bigint') -%}
    {{ return(adapter.dispatch('to_integer', 'xtage')(text, data_type)) }}
{%- endmacro %}

{# The same on both databases: 18 digits always fit a bigint, so the cast behind the pattern cannot fail. #}
{% macro default__to_integer(text, data_type) -%}
    {%- set shape = "^[+-]?0*[0-9]{1,18}([.]0+)?$" -%}
    {%- set value = "cast(split_part(" ~ text ~ ", '.', 1) as bigint)" -%}
    {%- if data_type == 'integer' -%}
    case
        when {{ text }} ~ '{{ shape }}'
            then case when {{ value }} between -2147483648 and 2147483647 then cast({{ value }} as integer) end
    end
    {%- else -%}
    case when {{ text }} ~ '{{ shape }}' then {{ value }} end
    {%- endif -%}
{%- endmacro %}
