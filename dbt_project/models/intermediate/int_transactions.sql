{{ config(
    materialized='incremental',
    unique_key='transaction_id',
    indexes=[{'columns': ['transaction_id']}, {'columns': ['_load_id', '_row_number']}],
    meta={
        'feeds': ['transactions'],
        'records': ['stg_transactions'],
        'publishes': ['transaction_id', 'record_state', '_load_id', '_row_number'],
    }
) }}

with

transactions as (
    select * from {{ ref('stg_transactions') }}
),

loads as (
    select * from {{ ref('stg_loads') }}
),

ranked as (
    select
        transactions.*,
        row_number() over (
            partition by transactions.transaction_id
            order by loads.first_delivery_number desc, transactions._row_number desc
        ) as recency
    from transactions
    inner join loads on transactions._load_id = loads.load_id
),

final as (
    select
        transaction_id,
        customer_id,
        product_id,
        quantity,
        total_amount,
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
