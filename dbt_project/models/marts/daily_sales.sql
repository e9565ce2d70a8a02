with

sums as (
    select * from {{ ref('int_daily_sales') }}
),

final as (
    select
        transaction_date,
        category,
        transactions,
        case when transactions_with_quantity > 0 then quantity end as quantity,
        cast(case when transactions_with_amount > 0 then amount end as numeric(38, 4)) as amount,
        transactions - transactions_with_amount as transactions_without_amount
    from sums
)

select * from final
