with

sales as (
    select * from {{ ref('unified_sales') }}
),

final as (
    select
        transaction_date,
        location,
        count(*) as transactions,
        cast(sum(quantity) as bigint) as quantity,
        cast(sum(amount) as numeric(38, 4)) as amount,
        count(*) - count(amount) as transactions_without_amount
    from sales
    group by transaction_date, location
)

select * from final
