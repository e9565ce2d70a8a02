{# The rows of one model of every feed, such as `int_<feed>`: a new feed is in as soon as it has a contract and the model. #}
{% macro all_feeds(prefix, suffix='', columns='*') -%}
    {%- for feed in xtage.contracts() -%}
        {{ 'union all ' if not loop.first -}}
        select {{ columns }} from {{ ref(prefix ~ feed ~ suffix) }}
    {% endfor -%}
{%- endmacro %}

{# How many records of each load are in the raw tables: `load_id`, `records_found`. #}
{% macro raw_record_counts() -%}
    {%- for feed in xtage.contracts() -%}
        {{ 'union all ' if not loop.first -}}
        select _load_id as load_id, count(*) as records_found from {{ source('raw', feed) }} group by _load_id
    {% endfor -%}
{%- endmacro %}

{# What the models of every feed are called, such as `int_<feed>`. #}
{% macro names_by_feed(prefix, suffix='') -%}
    {%- set names = [] -%}
    {%- for feed in xtage.contracts() -%}
        {%- do names.append(prefix ~ feed ~ suffix) -%}
    {%- endfor -%}
    {{ return(names) }}
{%- endmacro %}
