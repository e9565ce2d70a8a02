with

records as (
    select * from {{ ref('base_orders__lines') }}
),

final as (
    select
        order_id,
        product_id,
        quantity,
        unit_price,
        _load_id,
        _row_number,
        _position
    from records
)

select * from final
