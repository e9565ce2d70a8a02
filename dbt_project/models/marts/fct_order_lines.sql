{{ config(materialized='incremental', meta={'feeds': ['orders']}) }}

with

orders as (
    select * from {{ ref('int_orders') }}
    where record_state = 'current'
),

lines as (
    select * from {{ ref('stg_orders__lines') }}
),

products as (
    select * from {{ ref('dim_products') }}
),

final as (
    select
        orders.order_id,
        lines._position as line_number,
        orders.customer_id,
        lines.product_id,
        products.product_name,
        products.category,
        lines.quantity,
        lines.unit_price,
        {{ to_money('lines.quantity * lines.unit_price') }} as amount,
        lines.product_id is not null and products.product_id is null as is_unknown_product,
        orders.placed_at,
        orders._load_id,
        orders._row_number
    from orders
    inner join lines
        on
            orders._load_id = lines._load_id
            and orders._row_number = lines._row_number
    left join products on lines.product_id = products.product_id
)

select * from final
