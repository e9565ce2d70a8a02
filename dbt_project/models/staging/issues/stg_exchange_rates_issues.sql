with

contract_issues as (
    {{ record_issues('exchange_rates', ref('base_exchange_rates')) | indent }}
),

-- Which currency is the base is a decision of this project, not of the feed.
base_currency_quotes as (
    select
        'exchange_rates' as feed,
        records._load_id as load_id,
        records._row_number as row_number,
        {{ record_key('exchange_rates') }} as record_key,
        'currency_code' as column_name,
        records.currency_code_raw as raw_value,
        'base_currency' as rule,
        'warning' as severity
    from {{ ref('base_exchange_rates') }} as records
    where records.currency_code = '{{ var("base_currency") }}'
),

final as (
    select * from contract_issues
    union all
    select * from base_currency_quotes
)

select * from final
