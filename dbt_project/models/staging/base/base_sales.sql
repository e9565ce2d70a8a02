{{ standardized_records('sales', source('raw', 'sales'), ref('stg_loads')) }}
