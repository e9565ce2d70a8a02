with

records as (
    select * from {{ ref('base_orders') }}
),

final as (
    select
        order_id,
        customer_id,
        shipping_method,
        shipping_city,
        shipping_cost,
        placed_at,
        _load_id,
        _row_number
    from records
)

select * from final
