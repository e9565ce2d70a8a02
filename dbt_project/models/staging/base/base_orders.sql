{{ standardized_records('orders', source('raw', 'orders'), ref('stg_loads')) }}
