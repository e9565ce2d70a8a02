with

customers as (
    select * from {{ ref('base_customers') }}
),

final as (
    select
        customer_id,
        customer_name,
        gender,
        location,
        age,
        date_joined,
        _load_id,
        _row_number
    from customers
)

select * from final
