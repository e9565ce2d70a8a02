{# How much dirt each contract calls usual: `feed`, `column_name`, `kind` (missing, invalid), `percent_tolerated`. #}
{% macro tolerated_shares() -%}
    {%- set selects = [] -%}
    {%- for feed, contract in xtage.contracts().items() -%}
        {%- for name, column in contract.columns.items() -%}
            {%- for kind, percent in column.tolerated.items() -%}
                {%- do selects.append(
                    "select '" ~ feed ~ "' as feed, '" ~ name ~ "' as column_name, '" ~ kind ~ "' as kind, "
                    ~ percent ~ " as percent_tolerated"
                ) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ selects | join('\n    union all\n    ') }}
{%- endmacro %}

{# How many records of each feed can have issues in data_issues: `feed`, `records`. #}
{% macro counting_records() -%}
    {%- for feed in xtage.contracts() -%}
        {{ 'union all ' if not loop.first -}}
        select '{{ feed }}' as feed, count(*) as records from {{ ref('int_' ~ feed) }}
        where record_state in ('current', 'not_competing')
    {% endfor -%}
{%- endmacro %}
