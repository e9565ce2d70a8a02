{# A moment in UTC written as ISO 8601 has it, to the second or finer, or null; never an error, never a guess.
   In: clean text, such as `2024-02-29T23:59:59Z` or `2024-02-29 23:59:59.5`. An offset other than `Z` is not taken. #}
{% macro to_timestamp_from_iso(text) -%}
    {{ return(adapter.dispatch('to_timestamp_from_iso', 'xtage')(text)) }}
{%- endmacro %}

{# The same on both databases: what passed the shape and the calendar casts alike under every setting. #}
{% macro default__to_timestamp_from_iso(text) -%}
    case
        when {{ text }} ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?Z?$'
            then case
                when substring({{ text }}, 1, 10) ~ '{{ xtage.calendar_shape() }}'
                    then cast(replace(replace({{ text }}, 'T', ' '), 'Z', '') as timestamp)
            end
    end
{%- endmacro %}
