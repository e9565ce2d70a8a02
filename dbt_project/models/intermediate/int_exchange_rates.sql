{{ config(
    materialized='incremental',
    unique_key=['currency_code', 'rate_date'],
    indexes=[{'columns': ['currency_code', 'rate_date']}, {'columns': ['_load_id', '_row_number']}],
    meta={
        'feeds': ['exchange_rates'],
        'records': ['stg_exchange_rates'],
        'publishes': ['currency_code', 'rate_date', 'record_state', '_load_id', '_row_number'],
    }
) }}

with

rates as (
    select * from {{ ref('stg_exchange_rates') }}
),

loads as (
    select * from {{ ref('stg_loads') }}
),

judged as (
    select
        *,
        coalesce(exchange_rate is not null and currency_code <> '{{ var("base_currency") }}', false) as is_usable
    from rates
),

ordered as (
    select
        judged.*,
        row_number() over (
            partition by judged.currency_code, judged.rate_date
            order by loads.first_delivery_number, judged._row_number
        ) as place
    from judged
    inner join loads on judged._load_id = loads.load_id
),

ranked as (
    select
        *,
        max(case when is_usable then place end) over (partition by currency_code, rate_date) as usable_place
    from ordered
),

final as (
    select
        currency_code,
        exchange_rate,
        rate_date,
        case
            when currency_code is null or rate_date is null then 'keyless'
            when place = usable_place then 'current'
            when place < usable_place then 'replaced'
            -- A record without a usable rate does not compete: an older usable one stays current.
            else 'not_competing'
        end as record_state,
        _load_id,
        _row_number
    from ranked
)

select * from final
