{{ config(indexes=[{'columns': ['load_id', 'row_number']}]) }}

with

issues as (
    {{ all_feeds('stg_', '_issues') }}
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
