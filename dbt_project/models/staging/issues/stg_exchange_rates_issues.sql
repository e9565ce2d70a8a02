{#- Which currency is the base is a decision of this project, not of the feed. -#}
{%- set base_quote = {
    'column': 'currency_code', 'rule': 'base_currency', 'condition': "currency_code = '" ~ var('base_currency') ~ "'"
} -%}
{{ record_issues('exchange_rates', ref('base_exchange_rates'), warnings=[base_quote]) }}
