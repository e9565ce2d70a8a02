{#- Generated from contracts/ by `python -m loaders.generate`; do not edit. -#}
{{ standardized_records('exchange_rates', source('raw', 'exchange_rates'), ref('stg_loads')) }}
