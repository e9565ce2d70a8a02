with

sales as (
    select * from {{ ref('base_sales') }}
),

final as (
    select
        transaction_id,
        product_id,
        quantity,
        price as unit_price,
        transaction_date,
        _load_id,
        _row_number
    from sales
)

select * from final
