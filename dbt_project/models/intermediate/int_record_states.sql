{{ config(
    materialized='incremental',
    unique_key=['load_id', 'record_state'],
    meta={'sums_of': names_by_feed('int_')}
) }}

with

records as (
    {{ all_feeds('int_', columns='_load_id, record_state') }}
),

final as (
    select
        _load_id as load_id,
        record_state,
        count(*) as records
    from records
    group by _load_id, record_state
)

select * from final
