{#- Generated from contracts/ by `python -m loaders.generate`; do not edit. -#}
{{ standardized_records('products', source('raw', 'products'), ref('stg_loads')) }}
