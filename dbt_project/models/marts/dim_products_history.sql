{{ config(
    materialized='incremental',
    meta={'feeds': ['products']}
) }}

{{ versions_of(
    'products',
    key='product_id',
    attributes=['product_name', 'category', 'list_price', 'stock_available'],
    records=ref('int_products'),
    deliveries=ref('stg_deliveries'),
) }}
