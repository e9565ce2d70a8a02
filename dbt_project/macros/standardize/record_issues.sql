{# One row per problem with a value: `feed`, `load_id`, `row_number`, `record_key`, `column_name`, `raw_value`, `rule`,
   `severity`. The records are read once, beside a list of what can be wrong with them. A value in an array is told with
   the array's name (`lines.quantity`), the key of its record and its position; the key itself is told with the record.
   feed: its name in the contracts, or that of an array's table. records: its base model. warnings: issues that no
   contract knows, as a list of `column`, `rule` and `condition` (of the base model's columns). Asked in a filter, a
   condition would be worked out from the text of every record. #}
{% macro record_issues(feed, records, warnings=[]) %}
{%- set contract = xtage.contract_of(feed) -%}
{%- set columns = {} -%}
{%- for name, column in contract.columns.items() if not contract.positions or name not in contract.key -%}
    {%- do columns.update({name: column}) -%}
{%- endfor -%}
with

checks as (
    {%- for name in columns %}
    {{ 'union all ' if not loop.first }}select '{{ name }}' as check_name, '{{ xtage.issue_column(feed, name) }}' as column_name
    {%- endfor %}
    {%- for warning in warnings %}
    union all select '{{ warning.rule }}' as check_name, '{{ warning.column }}' as column_name
    {%- endfor %}
),

values_by_check as (
    select
        records._load_id as load_id,
        records._row_number as row_number,
        {{ xtage.record_key(feed) }} as record_key,
        checks.column_name,
        case checks.column_name
            {%- for name in columns %}
            when '{{ xtage.issue_column(feed, name) }}' then records.{{ name }}_raw
            {%- endfor %}
        end as raw_value,
        case checks.check_name
            {%- for name in columns %}
            when '{{ name }}' then records.{{ name }}_issue
            {%- endfor %}
            {%- for warning in warnings %}
            when '{{ warning.rule }}' then case when {{ warning.condition }} then '{{ warning.rule }}' end
            {%- endfor %}
        end as rule
    from {{ records }} as records
    cross join checks
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
        case when {{ xtage.is_warning(feed, warnings) }} then 'warning' else 'error' end as severity
    from values_by_check
    where rule is not null
)

select * from final
{%- endmacro %}

{# The condition under which the rule of a column is a warning. #}
{% macro is_warning(feed, warnings) -%}
    rule = 'missing'
    {%- for warning in warnings %}
    or rule = '{{ warning.rule }}'
    {%- endfor -%}
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
