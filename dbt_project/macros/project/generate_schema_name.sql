{# The schema named in dbt_project.yml as it stands: staging, intermediate, marts. A developer who shares a database sets
   XTAGE_SCHEMA_PREFIX (`ada` gives ada_marts) and builds beside the others. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- set prefix = env_var('XTAGE_SCHEMA_PREFIX', '') -%}
    {%- set schema = custom_schema_name | trim if custom_schema_name else target.schema -%}
    {{ prefix ~ '_' ~ schema if prefix else schema }}
{%- endmacro %}
