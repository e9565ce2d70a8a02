-- The union of both feeds and the unified dataset have the same transaction ids.
with

expected as (
    select transaction_id from {{ ref('fct_sales') }}
    union
    select transaction_id from {{ ref('fct_transactions') }}
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
