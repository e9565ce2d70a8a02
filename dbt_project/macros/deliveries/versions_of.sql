{# Every version of every record key of a `full` feed. A version is a maximal run of consecutive live deliveries that tell
   the same attributes: it begins with the delivery that brought it and ends with the one that does not tell it any more.
   feed: its name in the contracts. key: the column of its record key. attributes: the columns that make a version.
   records: its intermediate model. deliveries: stg_deliveries. #}
{% macro versions_of(feed, key, attributes, records, deliveries) %}
with

deliveries as (
    select
        delivery_number,
        load_id,
        is_newest,
        delivered_at,
        lead(delivered_at) over (order by delivery_number) as next_delivered_at
    from {{ deliveries }}
    where feed = '{{ feed }}' and is_live
),

records as (
    select * from {{ records }}
    where is_last_in_file and record_state <> 'keyless'
),

-- Every key as every delivery tells it.
delivered as (
    select
        deliveries.delivery_number,
        deliveries.is_newest,
        deliveries.delivered_at,
        deliveries.next_delivered_at,
        records.*
    from deliveries
    inner join records on deliveries.load_id = records._load_id
),

compared as (
    select
        delivered.{{ key }},
        delivered.delivery_number,
        case
            when
                previous.{{ key }} is not null
                {%- for attribute in attributes %}
                and {{ xtage.is_same('delivered.' ~ attribute, 'previous.' ~ attribute) }}
                {%- endfor %}
                then 0
            else 1
        end as starts_version
    from delivered
    left join delivered as previous
        on
            delivered.{{ key }} = previous.{{ key }}
            and delivered.delivery_number = previous.delivery_number + 1
),

numbered as (
    select
        {{ key }},
        delivery_number,
        sum(starts_version) over (
            partition by {{ key }}
            order by delivery_number
            rows between unbounded preceding and current row
        ) as version_number
    from compared
),

versions as (
    select
        {{ key }},
        version_number,
        min(delivery_number) as first_delivery_number,
        max(delivery_number) as last_delivery_number
    from numbered
    group by {{ key }}, version_number
),

final as (
    select
        versions.{{ key }},
        cast(versions.version_number as integer) as version_number,
        {%- for attribute in attributes %}
        ended.{{ attribute }},
        {%- endfor %}
        ended.is_newest as is_current,
        started.delivered_at as valid_from,
        ended.next_delivered_at as valid_to,
        ended._load_id,
        ended._row_number
    from versions
    inner join delivered as started
        on
            versions.{{ key }} = started.{{ key }}
            and versions.first_delivery_number = started.delivery_number
    inner join delivered as ended
        on
            versions.{{ key }} = ended.{{ key }}
            and versions.last_delivery_number = ended.delivery_number
)

select * from final
{%- endmacro %}
