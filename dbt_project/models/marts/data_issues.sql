with

{% for feed in contracts() %}
{{ feed }}_issues as (
    select issues.*
    from {{ ref('stg_' ~ feed ~ '_issues') }} as issues
    inner join {{ ref('int_' ~ feed) }} as records
        on
            issues.load_id = records._load_id
            and issues.row_number = records._row_number
    where
        records.record_state = 'current'
        {%- if feed == 'exchange_rates' %}
        -- What kept a quote from competing is a problem that somebody has to know.
        or (records.record_state = 'replaced' and not records.is_usable)
        {%- endif %}
),
{% endfor %}
final as (
    {%- for feed in contracts() %}
    select * from {{ feed }}_issues
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    feed,
    load_id,
    row_number,
    record_key,
    column_name,
    raw_value,
    rule,
    severity
from final
