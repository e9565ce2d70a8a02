{{ config(
    materialized='incremental',
    indexes=[{'columns': ['_load_id', '_row_number']}],
    meta={
        'feeds': ['customers'],
        'records': ['stg_customers'],
        'publishes': ['customer_id', 'record_state', '_load_id', '_row_number'],
    }
) }}

with

customers as (
    select * from {{ ref('stg_customers') }}
),

loads as (
    select * from {{ ref('stg_loads') }}
),

ranked as (
    select
        customers.*,
        loads.is_newest,
        row_number() over (
            partition by customers.customer_id
            order by loads.last_delivery_number desc, customers._row_number desc
        ) as recency,
        max(case when loads.is_newest then 1 else 0 end) over (
            partition by customers.customer_id
        ) = 1 as is_still_delivered,
        row_number() over (
            partition by customers._load_id, customers.customer_id
            order by customers._row_number desc
        ) = 1 as is_last_in_file
    from customers
    inner join loads on customers._load_id = loads.load_id
),

final as (
    select
        customer_id,
        customer_name,
        gender,
        location,
        age,
        date_joined,
        case
            when customer_id is null then 'keyless'
            when is_newest and recency = 1 then 'current'
            when not is_still_delivered then 'closed'
            else 'replaced'
        end as record_state,
        is_last_in_file,
        _load_id,
        _row_number
    from ranked
)

select * from final
