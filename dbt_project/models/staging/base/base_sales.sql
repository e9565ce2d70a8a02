{#- Generated from contracts/ by `python -m loaders.generate`; do not edit. -#}
{{ standardized_records('sales', source('raw', 'sales'), ref('stg_loads')) }}
