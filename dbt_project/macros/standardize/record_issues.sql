{# One row per problem with a value: `feed`, `load_id`, `row_number`, `record_key`, `column_name`, `raw_value`, `rule`,
   `severity`. The records are read once, beside a list of their columns. A value in an array is told with the array's
   name (`lines.quantity`), the key of its record and its position; the key itself is told with the record.
   feed: its name in the contracts, or that of an array's table. records: its base model. #}
{% macro record_issues(feed, records) %}
{%- set contract = xtage.contract_of(feed) -%}
{%- set columns = {} -%}
{%- for name, column in contract.columns.items() if not contract.positions or name not in contract.key -%}
    {%- do columns.update({name: column}) -%}
{%- endfor -%}
with

columns as (
    {%- for name in columns %}
    select '{{ xtage.issue_column(feed, name) }}' as column_name
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

values_by_column as (
    select
        records._load_id as load_id,
        records._row_number as row_number,
        {{ xtage.record_key(feed) }} as record_key,
        columns.column_name,
        case columns.column_name
            {%- for name in columns %}
            when '{{ xtage.issue_column(feed, name) }}' then records.{{ name }}_raw
            {%- endfor %}
        end as raw_value,
        case columns.column_name
            {%- for name in columns %}
            when '{{ xtage.issue_column(feed, name) }}' then records.{{ name }}_issue
            {%- endfor %}
        end as rule
    from {{ records }} as records
    cross join columns
),

final as (
    select
        '{{ contract.feed | default(feed) }}' as feed,
        load_id,
        row_number,
        record_key,
        column_name,
        raw_value,
        rule,
        case when {{ xtage.is_warning(feed) }} then 'warning' else 'error' end as severity
    from values_by_column
    where rule is not null
)

select * from final
{%- endmacro %}

{# The condition under which the rule of a column is a warning. #}
{% macro is_warning(feed) -%}
    rule = 'missing'
    {%- for name, column in xtage.contract_of(feed).columns.items() -%}
        {%- for rule in column.rules if rule.severity == 'warning' %}
        or (column_name = '{{ xtage.issue_column(feed, name) }}' and rule = '{{ rule.name }}')
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}

{# The record key of a base model's row as text, its parts with `|` between them; of an element its positions too. #}
{% macro record_key(feed) -%}
    {%- set contract = xtage.contract_of(feed) -%}
    {%- for name in contract.key + contract.positions | default([]) -%}
        cast(records.{{ name }} as {{ dbt.type_string() }}){{ " || '|' || " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
