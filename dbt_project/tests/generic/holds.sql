{# The condition is true in every row. #}
{% test holds(model, that) %}
select * from {{ model }}
where not coalesce({{ that }}, false)
{% endtest %}
