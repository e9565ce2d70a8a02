with

order_issues as (
    {{ record_issues('orders', ref('base_orders')) | indent }}
),

line_issues as (
    {{ record_issues('orders__lines', ref('base_orders__lines')) | indent }}
),

payment_issues as (
    {{ record_issues('orders__payments', ref('base_orders__payments')) | indent }}
),

final as (
    select * from order_issues
    union all
    select * from line_issues
    union all
    select * from payment_issues
)

select * from final
