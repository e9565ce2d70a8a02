with

products as (
    select * from {{ ref('base_products') }}
),

final as (
    select
        product_id,
        product_name,
        category,
        price as list_price,
        stock_available,
        _load_id,
        _row_number
    from products
)

select * from final
