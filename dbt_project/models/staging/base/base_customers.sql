{{ standardized_records('customers', source('raw', 'customers'), ref('stg_loads')) }}
