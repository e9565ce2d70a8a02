{# How many texts of each date column are written in each of its formats, how many of those were read as a date that
   writes back to the text, and how many were refused: `feed`, `column_name`, `date_format`, `texts`, `dates_read`,
   `dates_refused`. #}
{% macro dates_by_format() -%}
    {%- set selects = [] -%}
    {%- for feed, contract in xtage.contracted_tables().items() -%}
        {%- for name, column in contract.columns.items() if column.type == 'date' -%}
            {%- for format in column.date_formats -%}
                {%- set text = xtage.clean_text(name ~ '_raw', column.empty_words) -%}
                {%- set shape = format | replace('YYYY', '[0-9]{4}') | replace('MM', '[0-9]{2}') | replace('DD', '[0-9]{2}') -%}
                {%- set select -%}
                    select
                        '{{ feed }}' as feed,
                        '{{ name }}' as column_name,
                        '{{ format }}' as date_format,
                        count(*) as texts,
                        coalesce(sum(case when to_char({{ name }}, '{{ format }}') = {{ text }} then 1 else 0 end), 0) as dates_read,
                        coalesce(sum(case when {{ name }}_issue in ('not_a_date', 'after_delivery') then 1 else 0 end), 0) as dates_refused
                    from {{ ref('base_' ~ feed) }}
                    where {{ text }} ~ '^{{ shape | replace(".", "[.]") }}$'
                {%- endset -%}
                {%- do selects.append(select) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ selects | join('\n    union all\n    ') }}
{%- endmacro %}
