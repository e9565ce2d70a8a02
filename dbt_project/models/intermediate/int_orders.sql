{{ config(
    materialized='incremental',
    unique_key='order_id',
    indexes=[{'columns': ['order_id']}, {'columns': ['_load_id', '_row_number']}],
    meta={
        'feeds': ['orders'],
        'records': ['stg_orders'],
        'publishes': ['order_id', 'record_state', '_load_id', '_row_number'],
    }
) }}

with

orders as (
    select * from {{ ref('stg_orders') }}
),

loads as (
    select * from {{ ref('stg_loads') }}
),

ranked as (
    select
        orders.*,
        row_number() over (
            partition by orders.order_id
            order by loads.first_delivery_number desc, orders._row_number desc
        ) as recency
    from orders
    inner join loads on orders._load_id = loads.load_id
),

final as (
    select
        order_id,
        customer_id,
        shipping_method,
        shipping_city,
        shipping_cost,
        placed_at,
        case
            when order_id is null then 'keyless'
            when recency = 1 then 'current'
            else 'replaced'
        end as record_state,
        _load_id,
        _row_number
    from ranked
)

select * from final
