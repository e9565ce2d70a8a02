with

loads as (
    select * from {{ source('ops', 'loads') }}
),

deliveries as (
    select * from {{ ref('stg_deliveries') }}
),

delivered as (
    select
        load_id,
        -- Greater than, not equal: so the planner takes a third of the loads for live. Equal, it would take one in two
        -- hundred, and then read the raw table once for each.
        max(case when is_live then 1 else 0 end) > 0 as is_live,
        max(case when is_newest then 1 else 0 end) > 0 as is_newest,
        min(delivery_number) as first_delivery_number,
        max(delivery_number) as last_delivery_number,
        min(case when is_live then delivered_at end) as first_delivered_at,
        count(*) as deliveries
    from deliveries
    group by load_id
),

final as (
    select
        loads.load_id,
        loads.feed,
        loads.route,
        loads.records_read,
        loads.records_loaded,
        loads.records_rejected,
        delivered.first_delivery_number,
        delivered.last_delivery_number,
        delivered.deliveries,
        delivered.is_live,
        delivered.is_newest,
        delivered.first_delivered_at,
        loads.loaded_at
    from loads
    inner join delivered on loads.load_id = delivered.load_id
)

select * from final
