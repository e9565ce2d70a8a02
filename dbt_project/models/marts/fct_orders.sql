with

orders as (
    select * from {{ ref('int_orders') }}
    where record_state = 'current'
),

lines as (
    select
        order_id,
        count(*) as line_count,
        sum(quantity) as quantity,
        sum(amount) as amount,
        count(*) - count(amount) as lines_without_amount
    from {{ ref('fct_order_lines') }}
    group by order_id
),

payments as (
    select
        _load_id,
        _row_number,
        count(*) as payment_count,
        sum(amount) as paid_amount
    from {{ ref('stg_orders__payments') }}
    group by _load_id, _row_number
),

customers as (
    select * from {{ ref('dim_customers') }}
),

issues as (
    select
        orders.order_id,
        count(*) as issue_count
    from orders
    inner join {{ ref('data_issues') }} as data_issues
        on
            orders._load_id = data_issues.load_id
            and orders._row_number = data_issues.row_number
    where data_issues.feed = 'orders'
    group by orders.order_id
),

final as (
    select
        orders.order_id,
        orders.customer_id,
        orders.shipping_method,
        orders.shipping_city,
        orders.shipping_cost,
        cast(coalesce(lines.line_count, 0) as integer) as line_count,
        cast(lines.quantity as bigint) as quantity,
        {{ to_money('lines.amount') }} as amount,
        cast(coalesce(lines.lines_without_amount, 0) as integer) as lines_without_amount,
        cast(coalesce(payments.payment_count, 0) as integer) as payment_count,
        {{ to_money('payments.paid_amount') }} as paid_amount,
        cast(coalesce(issues.issue_count, 0) as integer) as issue_count,
        orders.customer_id is not null and customers.customer_id is null as is_unknown_customer,
        orders.placed_at,
        orders._load_id,
        orders._row_number
    from orders
    left join lines on orders.order_id = lines.order_id
    left join payments
        on
            orders._load_id = payments._load_id
            and orders._row_number = payments._row_number
    left join customers on orders.customer_id = customers.customer_id
    left join issues on orders.order_id = issues.order_id
)

select * from final
