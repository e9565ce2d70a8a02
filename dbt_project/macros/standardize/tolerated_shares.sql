{# How much dirt each contract calls usual: `feed`, `column_name`, `kind` (missing, invalid), `percent_tolerated`, and
   `counted_in`, the table whose rows are the hundred percent: the feed, or the array that the column stands in. #}
{% macro tolerated_shares() -%}
    {%- set selects = [] -%}
    {%- for table, contract in xtage.contracted_tables().items() -%}
        {%- for name, column in contract.columns.items() if not contract.positions or name not in contract.key -%}
            {%- for kind, percent in column.tolerated.items() -%}
                {%- do selects.append(
                    "select '" ~ contract.feed | default(table) ~ "' as feed, '" ~ xtage.issue_column(table, name)
                    ~ "' as column_name, '" ~ kind ~ "' as kind, " ~ percent ~ " as percent_tolerated, '"
                    ~ table ~ "' as counted_in"
                ) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ selects | join('\n    union all\n    ') }}
{%- endmacro %}

{# How many records of each feed, and elements of their arrays, can have issues in data_issues: `counted_in`, `records`. #}
{% macro counting_records() -%}
    {%- for table, contract in xtage.contracted_tables().items() -%}
        {{ 'union all ' if not loop.first -}}
        select '{{ table }}' as counted_in, count(*) as records from {{ ref('int_' ~ contract.feed | default(table)) }} as records
        {% if contract.positions -%}
        inner join {{ ref('base_' ~ table) }} as elements
            on records._load_id = elements._load_id and records._row_number = elements._row_number
        {% endif -%}
        where record_state in ('current', 'not_competing')
    {% endfor -%}
{%- endmacro %}
