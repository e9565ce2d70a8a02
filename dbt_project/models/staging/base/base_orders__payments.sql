{#- Generated from contracts/ by `python -m loaders.generate`; do not edit. -#}
{{ standardized_records('orders__payments', source('raw', 'orders__payments'), ref('stg_loads')) }}
