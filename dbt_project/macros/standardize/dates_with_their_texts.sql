{# Every date of every feed beside the text it was read from, and whether one of the contract's formats gives that text. #}
{% macro dates_with_their_texts() -%}
    {%- set selects = [] -%}
    {%- for feed, contract in xtage.contracted_tables().items() -%}
        {%- for name, column in contract.columns.items() if column.type == 'date' -%}
            {%- set written = [] -%}
            {%- for format in column.date_formats -%}
                {%- do written.append("to_char(" ~ name ~ ", '" ~ format ~ "')") -%}
            {%- endfor -%}
            {%- set select -%}
                select
                    '{{ feed }}' as feed,
                    _load_id as load_id,
                    _row_number as row_number,
                    {{ name }}_raw as raw_value,
                    {{ name }} as date_read,
                    {{ xtage.clean_text(name ~ '_raw') }} in ({{ written | join(', ') }}) as is_one_of_the_formats
                from {{ ref('base_' ~ feed) }}
                where {{ name }} is not null
            {%- endset -%}
            {%- do selects.append(select) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ selects | join('\n    union all\n    ') }}
{%- endmacro %}
