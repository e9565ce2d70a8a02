{# A date of the calendar written in one of the formats, or null; never an error, never a guess.
   In: clean text (no blanks around it); formats of the tokens YYYY, MM and DD, such as `DD/MM/YYYY`, each with its full
   number of digits. Two formats that one text could match are refused when the project compiles: nothing in
   `11/04/2022` says which it is. #}
{% macro to_date_from_formats(text, formats) -%}
    {{ return(adapter.dispatch('to_date_from_formats', 'xtage')(text, formats)) }}
{%- endmacro %}

{# The same on both databases: ISO text that passed the calendar casts alike under every setting. #}
{% macro default__to_date_from_formats(text, formats) -%}
    {%- set shapes = [] -%}
    case
    {%- for format in formats -%}
        {%- set shape = format | replace('YYYY', '[0-9]{4}') | replace('MM', '[0-9]{2}') | replace('DD', '[0-9]{2}') -%}
        {%- if shape in shapes -%}
            {{ exceptions.raise_compiler_error("the date formats " ~ formats ~ " cannot be told apart: keep one of those written alike") }}
        {%- endif -%}
        {%- do shapes.append(shape) -%}
        {%- set iso -%}
            {{ xtage.date_part_of(text, format, 'YYYY') }} || '-' || {{ xtage.date_part_of(text, format, 'MM') }} || '-' || {{ xtage.date_part_of(text, format, 'DD') }}
        {%- endset %}
        when {{ text }} ~ '^{{ shape | replace(".", "[.]") }}$'
            then case when {{ iso }} ~ '{{ xtage.calendar_shape() }}' then cast({{ iso }} as date) end
    {%- endfor %}
    end
{%- endmacro %}

{% macro date_part_of(text, format, token) -%}
    substring({{ text }}, {{ format.find(token) + 1 }}, {{ token | length }})
{%- endmacro %}

{# ISO dates that exist: months of 31, of 30 and of 28 days; 29 February in years divisible by 4 but not by 100, or by
   400. The year 0000 does not exist. #}
{% macro calendar_shape() -%}
    ^([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))$|^([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)-02-29$
{%- endmacro %}
