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
        {{ issue_count('sales') | indent(8) -}}
        + case when {{ is_amount_too_large() }} then 1 else 0 end as issue_count,
        _load_id,
        _row_number
    from sales
)

select * from final
