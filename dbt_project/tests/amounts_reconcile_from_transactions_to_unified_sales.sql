-- To the cent: the unified dataset holds what the current transactions say was paid, and what the sales add where no
-- transaction says it; by day and category, and by day and location, it is still the same.
with

paid as (
    select coalesce(sum(total_amount), 0) as amount from {{ ref('fct_transactions') }}
),

added as (
    select coalesce(sum(sales.amount), 0) as amount
    from {{ ref('fct_sales') }} as sales
    left join {{ ref('fct_transactions') }} as transactions on sales.transaction_id = transactions.transaction_id
    where transactions.total_amount is null
),

unified as (
    select coalesce(sum(amount), 0) as amount from {{ ref('unified_sales') }}
),

by_day as (
    select coalesce(sum(amount), 0) as amount from {{ ref('daily_sales') }}
),

by_location as (
    select coalesce(sum(amount), 0) as amount from {{ ref('daily_sales_by_location') }}
),

final as (
    select
        paid.amount as paid_amount,
        added.amount as added_amount,
        unified.amount as unified_amount,
        by_day.amount as daily_amount,
        by_location.amount as amount_by_location
    from paid
    cross join added
    cross join unified
    cross join by_day
    cross join by_location
    where
        paid.amount + added.amount <> unified.amount
        or unified.amount <> by_day.amount
        or unified.amount <> by_location.amount
)

select * from final
