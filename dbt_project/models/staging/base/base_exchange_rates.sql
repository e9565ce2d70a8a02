{{ standardized_records('exchange_rates', source('raw', 'exchange_rates'), ref('stg_loads')) }}
