-- The marts join it at once, before the database would look at it itself.
{{ config(
    indexes=[{'columns': ['currency_code', 'transaction_date']}],
    post_hook='analyze {{ this }}'
) }}

with

rates as (
    select * from {{ ref('int_exchange_rates') }}
    where record_state = 'current'
),

currencies as (
    select distinct currency_code from rates
),

dates as (
    select distinct transaction_date from {{ ref('int_daily_sales') }}
    where transaction_date is not null
),

-- One line of time per currency: the days with a rate, and the days to find one for.
days as (
    select
        currency_code,
        rate_date as on_date,
        rate_date,
        0 as is_asked
    from rates
    union all
    select
        currencies.currency_code,
        dates.transaction_date as on_date,
        cast(null as date) as rate_date,
        1 as is_asked
    from dates
    cross join currencies
),

carried as (
    select
        currency_code,
        on_date,
        is_asked,
        max(rate_date) over (
            partition by currency_code
            order by on_date, is_asked
            rows between unbounded preceding and current row
        ) as last_rate_date
    from days
),

final as (
    select
        carried.currency_code,
        rates.exchange_rate,
        carried.on_date as transaction_date,
        rates.rate_date
    from carried
    left join rates
        on
            carried.currency_code = rates.currency_code
            and carried.last_rate_date = rates.rate_date
    where carried.is_asked = 1
)

select * from final
