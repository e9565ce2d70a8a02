{{ config(materialized='view', post_hook='{{ record_definition(sql) }}') }}

with

sales as (
    select * from {{ ref('unified_sales') }}
    where amount is not null and transaction_date is not null
),

rates as (
    select * from {{ ref('int_rates_as_of') }}
),

final as (
    select
        sales.transaction_id,
        rates.currency_code,
        {{ to_money('sales.amount * rates.exchange_rate') }} as amount,
        rates.exchange_rate,
        {{ days_between('rates.rate_date', 'sales.transaction_date') }} as rate_age_days,
        sales.transaction_date,
        rates.rate_date
    from sales
    inner join rates on sales.transaction_date = rates.transaction_date
)

select * from final
