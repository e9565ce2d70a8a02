{{ config(
    materialized='incremental',
    unique_key='transaction_id',
    indexes=[{'columns': ['transaction_id']}, {'columns': ['_load_id', '_row_number']}],
    meta={
        'feeds': ['sales'],
        'records': ['stg_sales'],
        'publishes': ['transaction_id', 'record_state', '_load_id', '_row_number'],
    }
) }}

with

sales as (
    select * from {{ ref('stg_sales') }}
),

loads as (
    select * from {{ ref('stg_loads') }}
),

ranked as (
    select
        sales.*,
        row_number() over (
            partition by sales.transaction_id
            order by loads.first_delivery_number desc, sales._row_number desc
        ) as recency
    from sales
    inner join loads on sales._load_id = loads.load_id
),

final as (
    select
        transaction_id,
        product_id,
        quantity,
        unit_price,
        transaction_date,
        issue_count,
        case
            when transaction_id is null then 'keyless'
            when recency = 1 then 'current'
            else 'replaced'
        end as record_state,
        _load_id,
        _row_number
    from ranked
)

select * from final
