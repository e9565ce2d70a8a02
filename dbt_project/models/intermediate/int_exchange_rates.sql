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

ranked as (
    select
        judged.*,
        -- A record without a usable rate does not compete: an older usable one stays current.
        row_number() over (
            partition by judged.currency_code, judged.rate_date, judged.is_usable
            order by loads.first_delivery_number desc, judged._row_number desc
        ) as recency
    from judged
    inner join loads on judged._load_id = loads.load_id
),

final as (
    select
        currency_code,
        exchange_rate,
        rate_date,
        case
            when currency_code is null or rate_date is null then 'keyless'
            when not is_usable then 'not_competing'
            when recency = 1 then 'current'
            else 'replaced'
        end as record_state,
        _load_id,
        _row_number
    from ranked
)

select * from final
