{#- Generated from contracts/ by `python -m loaders.generate`; do not edit. -#}
{{ standardized_records('customers', source('raw', 'customers'), ref('stg_loads')) }}
