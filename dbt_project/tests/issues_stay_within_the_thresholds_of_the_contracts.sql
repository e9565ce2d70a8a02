-- Dirty data warns, it does not fail: one row per column with more missing or invalid values than its contract calls
-- usual, with the counts.
{{ config(severity='warn') }}

with

thresholds as (
    {{ tolerated_shares() }}
),

records as (
    {{ counting_records() }}
),

issues as (
    select
        feed,
        column_name,
        case when rule = 'missing' then 'missing' else 'invalid' end as kind,
        count(*) as issues
    from {{ ref('data_issues') }}
    group by 1, 2, 3
),

final as (
    select
        issues.feed,
        issues.column_name,
        issues.kind,
        issues.issues,
        records.records,
        round(100.0 * issues.issues / records.records, 1) as percent_found,
        thresholds.percent_tolerated
    from issues
    left join thresholds
        on
            issues.feed = thresholds.feed
            and issues.column_name = thresholds.column_name
            and issues.kind = thresholds.kind
    inner join records on coalesce(thresholds.counted_in, issues.feed) = records.counted_in
    where 100.0 * issues.issues > coalesce(thresholds.percent_tolerated, 0) * records.records
)

select * from final
