with

exchange_rates as (
    select * from {{ ref('base_exchange_rates') }}
),

final as (
    select
        currency_code,
        exchange_rate,
        date as rate_date,
        _load_id,
        _row_number
    from exchange_rates
)

select * from final
