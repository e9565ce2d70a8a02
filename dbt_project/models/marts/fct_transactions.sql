{{ config(
    materialized='incremental',
    unique_key='transaction_id',
    indexes=[{'columns': ['transaction_id']}],
    meta={'changed_by': {'int_transactions': 'transaction_id'}, 'publishes': ['transaction_id']}
) }}

with

transactions as (
    select * from {{ ref('int_transactions') }}
    where record_state = 'current'
),

final as (
    select
        transaction_id,
        customer_id,
        product_id,
        quantity,
        total_amount,
        transaction_date,
        issue_count,
        _load_id,
        _row_number
    from transactions
)

select * from final
