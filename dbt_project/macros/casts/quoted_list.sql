{# Words as SQL string literals with commas between them. #}
{% macro quoted_list(words) -%}
    {%- for word in words -%}
        '{{ word | replace("'", "''") }}'{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
