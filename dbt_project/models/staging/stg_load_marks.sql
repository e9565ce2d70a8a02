with

deliveries as (
    select
        *,
        row_number() over (
            partition by load_id
            order by coalesce(delivery_number, 9223372036854775807), delivery_id
        ) as place
    from {{ ref('stg_deliveries') }}
),

loads as (
    select * from {{ ref('stg_loads') }}
),

-- Several withdrawn deliveries of a load say the same thing.
final as (
    select distinct
        deliveries.load_id,
        deliveries.feed,
        case when deliveries.is_live then deliveries.delivery_id end as delivery_id,
        loads.loaded_at as landed_at
    from deliveries
    inner join loads on deliveries.load_id = loads.load_id
    where
        deliveries.place = 1
        or {{ contract_property('deliveries.feed', 'delivery') }} = 'full'
)

select * from final
