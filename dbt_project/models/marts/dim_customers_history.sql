{{ config(
    materialized='incremental',
    meta={'feeds': ['customers']}
) }}

{{ versions_of(
    'customers',
    key='customer_id',
    attributes=['customer_name', 'gender', 'location', 'age', 'date_joined'],
    records=ref('int_customers'),
    deliveries=ref('stg_deliveries'),
) }}
