{# Tells the planner what a table holds, before the next statement joins it. Redshift does this by itself. #}
{% macro analyze_sql(relation) -%}
    {{ return(adapter.dispatch('analyze_sql', 'xtage')(relation)) }}
{%- endmacro %}

{% macro postgres__analyze_sql(relation) -%}
    {{ return('analyze ' ~ relation) }}
{%- endmacro %}

{% macro redshift__analyze_sql(relation) -%}
    {{ return(none) }}
{%- endmacro %}

{# Switches nested loops off or on until the transaction ends. The records of a load that has just landed are in no
   statistics: the planner expects one, and would work out stg_loads again for each of them. Redshift has none to avoid. #}
{% macro nested_loops_sql(are_allowed) -%}
    {{ return(adapter.dispatch('nested_loops_sql', 'xtage')(are_allowed)) }}
{%- endmacro %}

{% macro postgres__nested_loops_sql(are_allowed) -%}
    {{ return('set local enable_nestloop = ' ~ ('on' if are_allowed else 'off')) }}
{%- endmacro %}

{% macro redshift__nested_loops_sql(are_allowed) -%}
    {{ return(none) }}
{%- endmacro %}

{# Has the planner find few keys in a large table by its index, until the transaction ends: the keys are mostly those of
   new records, whose pages are in memory or beside each other. Redshift has no indexes. #}
{% macro cheap_lookups_sql() -%}
    {{ return(adapter.dispatch('cheap_lookups_sql', 'xtage')()) }}
{%- endmacro %}

{% macro postgres__cheap_lookups_sql() -%}
    {{ return('set local random_page_cost = 1.1') }}
{%- endmacro %}

{% macro redshift__cheap_lookups_sql() -%}
    {{ return(none) }}
{%- endmacro %}
