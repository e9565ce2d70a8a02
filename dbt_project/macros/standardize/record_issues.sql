{# One row per problem with a value: `feed`, `load_id`, `row_number`, `record_key`, `column_name`, `raw_value`, `rule`, `severity`.
   feed: its name in the contracts. records: its base model. #}
{% macro record_issues(feed, records) %}
{%- for name, column in xtage.contracts()[feed].columns.items() -%}
    {%- set warnings = ['missing'] + (column.rules | selectattr('severity', 'equalto', 'warning') | map(attribute='name') | list) %}
    select
        '{{ feed }}' as feed,
        _load_id as load_id,
        _row_number as row_number,
        {{ xtage.record_key(feed) }} as record_key,
        '{{ name }}' as column_name,
        {{ name }}_raw as raw_value,
        {{ name }}_issue as rule,
        case when {{ name }}_issue in ({{ xtage.quoted_list(warnings) }}) then 'warning' else 'error' end as severity
    from {{ records }}
    where {{ name }}_issue is not null
    {{ 'union all' if not loop.last }}
{%- endfor %}
{%- endmacro %}

{# The record key of a base model's row as text, its parts with `|` between them. #}
{% macro record_key(feed) -%}
    {%- for name in xtage.contracts()[feed].key -%}
        cast({{ name }} as {{ dbt.type_string() }}){{ " || '|' || " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
