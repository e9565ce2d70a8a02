with

sales as (
    select * from {{ ref('int_sales') }}
    where record_state = 'current'
),

issues as (
    select
        load_id,
        row_number,
        count(*) as issue_count
    from {{ ref('data_issues') }}
    where feed = 'sales'
    group by load_id, row_number
),

final as (
    select
        sales.transaction_id,
        sales.product_id,
        sales.quantity,
        sales.unit_price,
        {{ to_money('sales.quantity * sales.unit_price') }} as amount,
        sales.transaction_date,
        cast(coalesce(issues.issue_count, 0) as integer) as issue_count,
        sales._load_id,
        sales._row_number
    from sales
    left join issues
        on
            sales._load_id = issues.load_id
            and sales._row_number = issues.row_number
)

select * from final
