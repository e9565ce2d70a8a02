{# How many of a record's values have an issue, by the contract of its feed.
   In: the columns of the feed's base model. #}
{% macro issue_count(feed) -%}
    {%- for name in xtage.contracts()[feed].columns -%}
        {{ '+ ' if not loop.first -}}
        case when {{ name }}_issue is not null then 1 else 0 end
    {% endfor -%}
{%- endmacro %}
