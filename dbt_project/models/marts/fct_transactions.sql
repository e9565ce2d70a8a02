with

transactions as (
    select * from {{ ref('int_transactions') }}
    where record_state = 'current'
),

issues as (
    select
        load_id,
        row_number,
        count(*) as issue_count
    from {{ ref('data_issues') }}
    where feed = 'transactions'
    group by load_id, row_number
),

final as (
    select
        transactions.transaction_id,
        transactions.customer_id,
        transactions.product_id,
        transactions.quantity,
        transactions.total_amount,
        transactions.transaction_date,
        cast(coalesce(issues.issue_count, 0) as integer) as issue_count,
        transactions._load_id,
        transactions._row_number
    from transactions
    left join issues
        on
            transactions._load_id = issues.load_id
            and transactions._row_number = issues.row_number
)

select * from final
