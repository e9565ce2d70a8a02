{{ config(
    materialized='incremental',
    indexes=[{'columns': ['_load_id', '_row_number']}],
    meta={
        'feeds': ['products'],
        'records': ['stg_products'],
        'publishes': ['product_id', 'record_state', '_load_id', '_row_number'],
    }
) }}

with

products as (
    select * from {{ ref('stg_products') }}
),

loads as (
    select * from {{ ref('stg_loads') }}
),

ranked as (
    select
        products.*,
        loads.is_newest,
        row_number() over (
            partition by products.product_id
            order by loads.last_delivery_number desc, products._row_number desc
        ) as recency,
        max(case when loads.is_newest then 1 else 0 end) over (
            partition by products.product_id
        ) = 1 as is_still_delivered,
        row_number() over (
            partition by products._load_id, products.product_id
            order by products._row_number desc
        ) = 1 as is_last_in_file
    from products
    inner join loads on products._load_id = loads.load_id
),

final as (
    select
        product_id,
        product_name,
        category,
        list_price,
        stock_available,
        case
            when product_id is null then 'keyless'
            when is_newest and recency = 1 then 'current'
            when not is_still_delivered then 'closed'
            else 'replaced'
        end as record_state,
        is_last_in_file,
        _load_id,
        _row_number
    from ranked
)

select * from final
