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

{# How many rows of each load are in the raw tables of arrays: `load_id`, `table_name`, `rows_found`. #}
{% macro raw_array_counts() -%}
    {%- set selects = ['select cast(null as bigint) as load_id, cast(null as varchar(65535)) as table_name, cast(null as bigint) as rows_found where false'] -%}
    {%- for table, contract in xtage.contracted_tables().items() if contract.positions -%}
        {%- do selects.append(
            "select _load_id as load_id, '" ~ table ~ "' as table_name, count(*) as rows_found from "
            ~ source('raw', table) ~ " group by _load_id"
        ) -%}
    {%- endfor -%}
    {{ selects | join('\n    union all\n    ') }}
{%- endmacro %}

{# What a column of an array's table is called among the issues of its feed: `lines.quantity`. #}
{% macro issue_column(table, column) -%}
    {%- set feed = xtage.contract_of(table).feed | default(table) -%}
    {{ return((table[feed | length + 2:] ~ '.' if feed != table else '') | replace('__', '.') ~ column) }}
{%- endmacro %}
