with

loads as (
    select * from {{ ref('stg_loads') }}
),

deliveries as (
    select
        *,
        -- The file a load is known by: its first live delivery, or its first one when all were withdrawn.
        row_number() over (
            partition by load_id
            order by coalesce(delivery_number, 2147483647), delivered_at, delivery_id
        ) as place
    from {{ ref('stg_deliveries') }}
),

found as (
    select * from {{ ref('int_record_counts') }}
),

states as (
    select
        load_id,
        cast(sum(case when record_state = 'keyless' then records else 0 end) as bigint) as keyless,
        cast(sum(case when record_state = 'current' then records else 0 end) as bigint) as current_records,
        cast(sum(case when record_state = 'closed' then records else 0 end) as bigint) as closed,
        cast(sum(case when record_state in ('replaced', 'not_competing') then records else 0 end) as bigint) as replaced
    from {{ ref('int_record_states') }}
    group by load_id
),

counted as (
    select
        loads.load_id,
        loads.feed,
        loads.route,
        deliveries.object_key,
        deliveries.version_id,
        deliveries.delivered_at,
        loads.records_read,
        loads.records_loaded as loaded,
        loads.records_rejected as rejected,
        case when loads.is_live then 0 else coalesce(found.records_found, 0) end as superseded,
        coalesce(states.keyless, 0) as keyless,
        coalesce(states.current_records, 0) as current_records,
        coalesce(states.closed, 0) as closed,
        coalesce(states.replaced, 0) as replaced
    from loads
    inner join deliveries
        on
            loads.load_id = deliveries.load_id
            and deliveries.place = 1
    left join found on loads.load_id = found.load_id
    left join states on loads.load_id = states.load_id
),

final as (
    select
        load_id,
        feed,
        route,
        object_key,
        version_id,
        records_read,
        loaded,
        rejected,
        superseded,
        keyless,
        current_records as current,
        closed,
        replaced,
        loaded - superseded - keyless - current_records - closed - replaced as unaccounted,
        delivered_at
    from counted
)

select * from final
