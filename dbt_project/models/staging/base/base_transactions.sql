{#- Generated from contracts/ by `python -m loaders.generate`; do not edit. -#}
{{ standardized_records('transactions', source('raw', 'transactions'), ref('stg_loads')) }}
