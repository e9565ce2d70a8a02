{{ standardized_records('orders__lines', source('raw', 'orders__lines'), ref('stg_loads')) }}
