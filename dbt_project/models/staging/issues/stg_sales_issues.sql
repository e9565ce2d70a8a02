{#- Each is valid, but nobody can hold their product: the amount of the sale is null, and somebody has to know why. -#}
{%- set too_large = {'column': 'price', 'rule': 'amount_too_large', 'condition': is_amount_too_large()} -%}
{{ record_issues('sales', ref('base_sales'), warnings=[too_large]) }}
