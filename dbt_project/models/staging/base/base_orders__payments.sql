{{ standardized_records('orders__payments', source('raw', 'orders__payments'), ref('stg_loads')) }}
