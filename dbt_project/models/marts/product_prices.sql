{{ config(
    materialized='incremental',
    indexes=[{'columns': ['product_id']}]
) }}

with

products as (
    select * from {{ ref('dim_products') }}
),

-- A missing price says nothing about a change; a price that comes back after a gap did not change.
priced as (
    select
        product_id,
        version_number,
        list_price,
        valid_from,
        lag(list_price) over (partition by product_id order by version_number) as previous_price,
        row_number() over (partition by product_id order by version_number desc) as recency
    from {{ ref('dim_products_history') }}
    where list_price is not null
),

changes as (
    select
        *,
        row_number() over (partition by product_id order by version_number desc) as change_recency
    from priced
    where previous_price <> list_price
),

final as (
    select
        products.product_id,
        products.product_name,
        products.category,
        products.list_price as current_price,
        cast(
            case
                when products.list_price is null then last_known.list_price
                else changes.previous_price
            end as numeric(18, 4)
        ) as previous_price,
        products.is_current,
        changes.valid_from as price_changed_at
    from products
    left join priced as last_known
        on
            products.product_id = last_known.product_id
            and last_known.recency = 1
    left join changes
        on
            products.product_id = changes.product_id
            and changes.change_recency = 1
)

select * from final
