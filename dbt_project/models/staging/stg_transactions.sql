with

transactions as (
    select * from {{ ref('base_transactions') }}
),

final as (
    select
        transaction_id,
        customer_id,
        product_id,
        quantity,
        total_amount,
        transaction_date,
        {{ issue_count('transactions') | indent(8) -}} as issue_count,
        _load_id,
        _row_number
    from transactions
)

select * from final
