with

rates as (
    select * from {{ ref('base_exchange_rates') }}
),

contract_issues as (
    {{ record_issues('exchange_rates', 'rates') | indent }}
),

-- Which currency is the base is a decision of this project, not of the feed.
base_currency_quotes as (
    select
        'exchange_rates' as feed,
        _load_id as load_id,
        _row_number as row_number,
        {{ record_key('exchange_rates') }} as record_key,
        'currency_code' as column_name,
        currency_code_raw as raw_value,
        'base_currency' as rule,
        'warning' as severity
    from rates
    where currency_code = '{{ var("base_currency") }}'
),

final as (
    select * from contract_issues
    union all
    select * from base_currency_quotes
)

select * from final
