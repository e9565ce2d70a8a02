{{ config(
    materialized='incremental',
    indexes=[{'columns': ['product_id']}],
    meta={'publishes': ['product_id', 'product_name', 'category', 'list_price']}
) }}

with

versions as (
    select
        *,
        row_number() over (partition by product_id order by version_number desc) as recency
    from {{ ref('dim_products_history') }}
),

final as (
    select
        product_id,
        product_name,
        category,
        list_price,
        stock_available,
        is_current,
        valid_from,
        valid_to,
        _load_id,
        _row_number
    from versions
    where recency = 1
)

select * from final
