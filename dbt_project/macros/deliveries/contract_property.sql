{# What the contract of the feed in a column says: `delivery` or `on_rewrite`; null for a feed without a contract. #}
{% macro contract_property(feed, property) -%}
    case {{ feed }}
    {%- for name, contract in xtage.contracts().items() %}
        when '{{ name }}' then '{{ contract[property] }}'
    {%- endfor %}
    end
{%- endmacro %}
