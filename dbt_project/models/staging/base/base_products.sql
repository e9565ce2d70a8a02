{{ standardized_records('products', source('raw', 'products'), ref('stg_loads')) }}
