{{ config(
    materialized='incremental',
    unique_key='load_id',
    indexes=[{'columns': ['load_id', 'row_number']}],
    meta={
        'feeds': contracts() | list,
        'records': names_by_feed('stg_', '_issues'),
        'publishes': ['load_id', 'row_number'],
    }
) }}

with

issues as (
    {{ all_feeds('stg_', '_issues') }}
),

final as (
    select
        feed,
        load_id,
        row_number,
        record_key,
        column_name,
        raw_value,
        rule,
        severity
    from issues
)

select * from final
