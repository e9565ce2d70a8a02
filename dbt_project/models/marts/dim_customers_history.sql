{{ config(
    materialized='incremental',
    meta={'feeds': ['customers']}
) }}

with

deliveries as (
    select
        delivery_number,
        load_id,
        is_newest,
        delivered_at,
        lead(delivered_at) over (order by delivery_number) as next_delivered_at
    from {{ ref('stg_deliveries') }}
    where feed = 'customers' and is_live
),

customers as (
    select * from {{ ref('int_customers') }}
    where is_last_in_file and record_state <> 'keyless'
),

-- Every customer as every delivery tells it.
delivered as (
    select
        deliveries.delivery_number,
        deliveries.is_newest,
        deliveries.delivered_at,
        deliveries.next_delivered_at,
        customers.*
    from deliveries
    inner join customers on deliveries.load_id = customers._load_id
),

compared as (
    select
        delivered.customer_id,
        delivered.delivery_number,
        case
            when
                previous.customer_id is not null
                and {{ is_same('delivered.customer_name', 'previous.customer_name') }}
                and {{ is_same('delivered.gender', 'previous.gender') }}
                and {{ is_same('delivered.location', 'previous.location') }}
                and {{ is_same('delivered.age', 'previous.age') }}
                and {{ is_same('delivered.date_joined', 'previous.date_joined') }}
                then 0
            else 1
        end as starts_version
    from delivered
    left join delivered as previous
        on
            delivered.customer_id = previous.customer_id
            and delivered.delivery_number = previous.delivery_number + 1
),

numbered as (
    select
        customer_id,
        delivery_number,
        sum(starts_version) over (
            partition by customer_id
            order by delivery_number
            rows between unbounded preceding and current row
        ) as version_number
    from compared
),

versions as (
    select
        customer_id,
        version_number,
        min(delivery_number) as first_delivery_number,
        max(delivery_number) as last_delivery_number
    from numbered
    group by customer_id, version_number
),

final as (
    select
        versions.customer_id,
        cast(versions.version_number as integer) as version_number,
        ended.customer_name,
        ended.gender,
        ended.location,
        ended.age,
        ended.date_joined,
        ended.is_newest as is_current,
        started.delivered_at as valid_from,
        ended.next_delivered_at as valid_to,
        ended._load_id,
        ended._row_number
    from versions
    inner join delivered as started
        on
            versions.customer_id = started.customer_id
            and versions.first_delivery_number = started.delivery_number
    inner join delivered as ended
        on
            versions.customer_id = ended.customer_id
            and versions.last_delivery_number = ended.delivery_number
)

select * from final
