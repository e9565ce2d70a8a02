with

contract_issues as (
    {{ record_issues('sales', ref('base_sales')) | indent }}
),

-- Each is valid, but nobody can hold their product: the amount of the sale is null, and somebody has to know why.
sales as (
    select * from {{ ref('base_sales') }}
    where {{ is_amount_too_large() }}
),

amounts_too_large as (
    select
        'sales' as feed,
        records._load_id as load_id,
        records._row_number as row_number,
        {{ record_key('sales') }} as record_key,
        'price' as column_name,
        records.price_raw as raw_value,
        'amount_too_large' as rule,
        'warning' as severity
    from sales as records
),

final as (
    select * from contract_issues
    union all
    select * from amounts_too_large
)

select * from final
