{{ config(
    materialized='incremental',
    unique_key=['transaction_date', 'category', 'location'],
    meta={'sums_of': ['unified_sales']}
) }}

with

sales as (
    select * from {{ ref('unified_sales') }}
),

final as (
    select
        transaction_date,
        category,
        location,
        count(*) as transactions,
        count(quantity) as transactions_with_quantity,
        count(amount) as transactions_with_amount,
        cast(coalesce(sum(quantity), 0) as bigint) as quantity,
        cast(coalesce(sum(amount), 0) as numeric(38, 4)) as amount
    from sales
    group by transaction_date, category, location
)

select * from final
