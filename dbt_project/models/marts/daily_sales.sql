with

sums as (
    select * from {{ ref('int_daily_sales') }}
),

final as (
    select
        transaction_date,
        category,
        cast(sum(transactions) as bigint) as transactions,
        cast(case when sum(transactions_with_quantity) > 0 then sum(quantity) end as bigint) as quantity,
        cast(case when sum(transactions_with_amount) > 0 then sum(amount) end as numeric(38, 4)) as amount,
        cast(sum(transactions) - sum(transactions_with_amount) as bigint) as transactions_without_amount
    from sums
    group by transaction_date, category
)

select * from final
