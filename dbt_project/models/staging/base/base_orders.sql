{#- Generated from contracts/ by `python -m loaders.generate`; do not edit. -#}
{{ standardized_records('orders', source('raw', 'orders'), ref('stg_loads')) }}
