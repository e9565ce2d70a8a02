{{ config(
    materialized='incremental',
    unique_key='transaction_id',
    indexes=[{'columns': ['transaction_id']}],
    meta={'changed_by': {'int_sales': 'transaction_id'}, 'publishes': ['transaction_id']}
) }}

with

sales as (
    select * from {{ ref('int_sales') }}
    where record_state = 'current'
),

final as (
    select
        transaction_id,
        product_id,
        quantity,
        unit_price,
        {{ to_money('quantity * unit_price') }} as amount,
        transaction_date,
        issue_count,
        _load_id,
        _row_number
    from sales
)

select * from final
