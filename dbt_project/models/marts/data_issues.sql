{%- set changed_by = {'int_issues': ['load_id', 'row_number']} -%}
{%- for name in names_by_feed('int_') -%}
    {%- do changed_by.update({name: ['_load_id', '_row_number']}) -%}
{%- endfor -%}
{{ config(
    materialized='incremental',
    unique_key=['load_id', 'row_number'],
    indexes=[{'columns': ['load_id', 'row_number']}],
    meta={'changed_by': changed_by}
) }}

with

issues as (
    select * from {{ ref('int_issues') }}
),

records as (
    {{ all_feeds('int_', columns='_load_id, _row_number, record_state') }}
),

final as (
    select
        issues.feed,
        issues.load_id,
        issues.row_number,
        issues.record_key,
        issues.column_name,
        issues.raw_value,
        issues.rule,
        issues.severity
    from issues
    inner join records
        on
            issues.load_id = records._load_id
            and issues.row_number = records._row_number
    -- What kept a quote from competing is a problem that somebody has to know.
    where records.record_state in ('current', 'not_competing')
)

select * from final
