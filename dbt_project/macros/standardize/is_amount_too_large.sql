{# Whether quantity and price of a sale are valid and their product is more than money can hold.
   In: the columns of the base model of sales. #}
{% macro is_amount_too_large() -%}
    quantity is not null and price is not null and {{ xtage.to_money('quantity * price') }} is null
{%- endmacro %}
