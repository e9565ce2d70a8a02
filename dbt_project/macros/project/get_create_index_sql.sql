{# Redshift has no indexes: what a model asks for with `indexes` is made on PostgreSQL only. dbt-redshift would take
   PostgreSQL's macro and fail. PostgreSQL's twin is dbt-postgres's own. #}
{% macro redshift__get_create_index_sql(relation, index_dict) -%}
    {{ return(none) }}
{%- endmacro %}
