{# One row per problem with a value: `feed`, `load_id`, `row_number`, `record_key`, `column_name`, `raw_value`, `rule`,
   `severity`. The records are read once, beside a list of their columns.
   feed: its name in the contracts. records: its base model. #}
{% macro record_issues(feed, records) %}
{%- set columns = xtage.contracts()[feed].columns -%}
with

columns as (
    {%- for name in columns %}
    select '{{ name }}' as column_name
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
            when '{{ name }}' then records.{{ name }}_raw
            {%- endfor %}
        end as raw_value,
        case columns.column_name
            {%- for name in columns %}
            when '{{ name }}' then records.{{ name }}_issue
            {%- endfor %}
        end as rule
    from {{ records }} as records
    cross join columns
),

final as (
    select
        '{{ feed }}' as feed,
        load_id,
        row_number,
        record_key,
        column_name,
        raw_value,
        rule,
        case when {{ xtage.is_warning(columns) }} then 'warning' else 'error' end as severity
    from values_by_column
    where rule is not null
)

select * from final
{%- endmacro %}

{# The condition under which the rule of a column is a warning. #}
{% macro is_warning(columns) -%}
    rule = 'missing'
    {%- for name, column in columns.items() -%}
        {%- for rule in column.rules if rule.severity == 'warning' %}
        or (column_name = '{{ name }}' and rule = '{{ rule.name }}')
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}

{# The record key of a base model's row as text, its parts with `|` between them. #}
{% macro record_key(feed) -%}
    {%- for name in xtage.contracts()[feed].key -%}
        cast(records.{{ name }} as {{ dbt.type_string() }}){{ " || '|' || " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
