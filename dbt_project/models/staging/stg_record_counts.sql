with

{% for feed in contracts() %}
{{ feed }} as (
    select
        _load_id as load_id,
        count(*) as records_found
    from {{ source('raw', feed) }}
    group by _load_id
),
{% endfor %}
final as (
    {%- for feed in contracts() %}
    select * from {{ feed }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select * from final
