with

records as (
    select * from {{ ref('base_orders__payments') }}
),

final as (
    select
        order_id,
        method,
        amount,
        _load_id,
        _row_number,
        _position
    from records
)

select * from final
