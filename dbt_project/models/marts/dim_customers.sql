{{ config(
    materialized='incremental',
    indexes=[{'columns': ['customer_id']}],
    meta={'publishes': ['customer_id', 'customer_name', 'gender', 'location', 'age', 'age_band', 'date_joined']}
) }}

with

versions as (
    select
        *,
        row_number() over (partition by customer_id order by version_number desc) as recency
    from {{ ref('dim_customers_history') }}
),

final as (
    select
        customer_id,
        customer_name,
        gender,
        location,
        age,
        case
            when age <= 17 then '0-17'
            when age <= 29 then '18-29'
            when age <= 49 then '30-49'
            when age >= 50 then '50+'
        end as age_band,
        date_joined,
        is_current,
        valid_from,
        valid_to,
        _load_id,
        _row_number
    from versions
    where recency = 1
)

select * from final
