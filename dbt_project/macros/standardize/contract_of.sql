{# The contract of a feed, or of an array's table of a nested feed, such as `orders__lines`: its `columns` and `key`; of
   an array also `feed` and `positions`, the columns that place an element in the record. #}
{% macro contract_of(table) -%}
    {%- for feed, contract in xtage.contracts().items() -%}
        {%- if feed == table -%}
            {{ return(contract) }}
        {%- elif table in contract.arrays | default({}) -%}
            {{ return(contract.arrays[table]) }}
        {%- endif -%}
    {%- endfor -%}
    {{ exceptions.raise_compiler_error("no contract knows " ~ table) }}
{%- endmacro %}

{# Every table that the contracts describe, with what they say about it: the feeds, and the arrays of the nested ones. #}
{% macro contracted_tables() -%}
    {%- set tables = {} -%}
    {%- for feed, contract in xtage.contracts().items() -%}
        {%- do tables.update({feed: contract}) -%}
        {%- do tables.update(contract.arrays | default({})) -%}
    {%- endfor -%}
    {{ return(tables) }}
{%- endmacro %}

{# What a column of an array's table is called among the issues of its feed: `lines.quantity`. #}
{% macro issue_column(table, column) -%}
    {%- set feed = xtage.contract_of(table).feed | default(table) -%}
    {{ return((table[feed | length + 2:] ~ '.' if feed != table else '') | replace('__', '.') ~ column) }}
{%- endmacro %}
