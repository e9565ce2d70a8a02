{#- Generated from contracts/ by `python -m loaders.generate`; do not edit. -#}
{{ standardized_records('orders__lines', source('raw', 'orders__lines'), ref('stg_loads')) }}
