{# Text without blanks around it; null when nothing is left of it but a word that means nothing.
   Blanks are the ASCII ones (space, tab, line ends, vertical tab, form feed): what trims alike on both databases.
   empty_words: lower-case words, compared without case. letter_case: `upper`, `lower` or none (as it stands). #}
{% macro clean_text(expression, empty_words=[''], letter_case=none) -%}
    {%- set trimmed -%}
        btrim({{ expression }}, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13))
    {%- endset -%}
    case
        when lower({{ trimmed }}) not in ({{ quoted_list(empty_words) }})
            then {{ letter_case ~ '(' ~ trimmed ~ ')' if letter_case else trimmed }}
    end
{%- endmacro %}
