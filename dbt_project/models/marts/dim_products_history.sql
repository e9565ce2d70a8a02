{{ config(
    materialized='incremental',
    meta={'feeds': ['products']}
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
    where feed = 'products' and is_live
),

products as (
    select * from {{ ref('int_products') }}
    where is_last_in_file and record_state <> 'keyless'
),

-- Every product as every delivery tells it.
delivered as (
    select
        deliveries.delivery_number,
        deliveries.is_newest,
        deliveries.delivered_at,
        deliveries.next_delivered_at,
        products.*
    from deliveries
    inner join products on deliveries.load_id = products._load_id
),

compared as (
    select
        delivered.product_id,
        delivered.delivery_number,
        case
            when
                previous.product_id is not null
                and {{ is_same('delivered.product_name', 'previous.product_name') }}
                and {{ is_same('delivered.category', 'previous.category') }}
                and {{ is_same('delivered.list_price', 'previous.list_price') }}
                and {{ is_same('delivered.stock_available', 'previous.stock_available') }}
                then 0
            else 1
        end as starts_version
    from delivered
    left join delivered as previous
        on
            delivered.product_id = previous.product_id
            and delivered.delivery_number = previous.delivery_number + 1
),

numbered as (
    select
        product_id,
        delivery_number,
        sum(starts_version) over (
            partition by product_id
            order by delivery_number
            rows between unbounded preceding and current row
        ) as version_number
    from compared
),

versions as (
    select
        product_id,
        version_number,
        min(delivery_number) as first_delivery_number,
        max(delivery_number) as last_delivery_number
    from numbered
    group by product_id, version_number
),

final as (
    select
        versions.product_id,
        cast(versions.version_number as integer) as version_number,
        ended.product_name,
        ended.category,
        ended.list_price,
        ended.stock_available,
        ended.is_newest as is_current,
        started.delivered_at as valid_from,
        ended.next_delivered_at as valid_to,
        ended._load_id,
        ended._row_number
    from versions
    inner join delivered as started
        on
            versions.product_id = started.product_id
            and versions.first_delivery_number = started.delivery_number
    inner join delivered as ended
        on
            versions.product_id = ended.product_id
            and versions.last_delivery_number = ended.delivery_number
)

select * from final
