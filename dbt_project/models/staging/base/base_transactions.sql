{{ standardized_records('transactions', source('raw', 'transactions'), ref('stg_loads')) }}
