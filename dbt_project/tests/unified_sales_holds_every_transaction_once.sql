-- The union of both feeds and the unified dataset have the same transaction ids.
with

both_feeds as (
    select transaction_id from {{ ref('fct_sales') }}
    union all
    select transaction_id from {{ ref('fct_transactions') }}
),

expected as (
    select distinct transaction_id from both_feeds
),

final as (
    select
        expected.transaction_id as expected_id,
        unified.transaction_id as unified_id
    from expected
    full outer join {{ ref('unified_sales') }} as unified on expected.transaction_id = unified.transaction_id
    where expected.transaction_id is null or unified.transaction_id is null
)

select * from final
