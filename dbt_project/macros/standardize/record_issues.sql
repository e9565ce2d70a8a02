{# One row per problem with a value: `feed`, `load_id`, `row_number`, `column_name`, `raw_value`, `rule`, `severity`.
   feed: its name in the contracts. records: its base model. #}
{% macro record_issues(feed, records) %}
{%- for name, column in xtage.contracts()[feed].columns.items() -%}
    {%- set warnings = ['missing'] + (column.rules | selectattr('severity', 'equalto', 'warning') | map(attribute='name') | list) %}
    select
        '{{ feed }}' as feed,
        _load_id as load_id,
        _row_number as row_number,
        '{{ name }}' as column_name,
        {{ name }}_raw as raw_value,
        {{ name }}_issue as rule,
        case when {{ name }}_issue in ({{ xtage.quoted_list(warnings) }}) then 'warning' else 'error' end as severity
    from {{ records }}
    where {{ name }}_issue is not null
    {{ 'union all' if not loop.last }}
{%- endfor %}
{%- endmacro %}
