{# The role `analyst`: reads marts, changes nothing. People are given it (`grant analyst to ada`); it cannot log in itself. #}
{% macro create_analyst() -%}
    {{ return(adapter.dispatch('create_analyst', 'xtage')()) }}
{%- endmacro %}

{# Made once; two builds at once may both find it missing. #}
{% macro postgres__create_analyst() -%}
    do $$
    begin
        if not exists (select 1 from pg_roles where rolname = 'analyst') then
            create role analyst nologin;
        end if;
    exception
        when duplicate_object or unique_violation then null;
    end
    $$
{%- endmacro %}

{# Redshift knows no `if not exists` for a group and no block: the catalog is asked first. #}
{% macro redshift__create_analyst() -%}
    {%- if execute and run_query("select 1 from pg_group where groname = 'analyst'") | length == 0 -%}
        create group analyst
    {%- endif -%}
{%- endmacro %}

{# Lets analysts into the marts. After the models, for the schema is made with the first of them; nothing happens while
   there is none, or when they are in already. #}
{% macro admit_analyst() -%}
    {{ return(adapter.dispatch('admit_analyst', 'xtage')()) }}
{%- endmacro %}

{% macro postgres__admit_analyst() -%}
    {%- set schema = xtage.marts_schema() -%}
    do $$
    begin
        if exists (
            select 1 from pg_namespace
            where nspname = '{{ schema }}' and not has_schema_privilege('analyst', oid, 'usage')
        ) then
            grant usage on schema {{ schema }} to analyst;
        end if;
    end
    $$
{%- endmacro %}

{% macro redshift__admit_analyst() -%}
    {%- set schema = xtage.marts_schema() -%}
    {%- if execute and run_query("select 1 from pg_namespace where nspname = '" ~ schema ~ "'") | length > 0 -%}
        grant usage on schema {{ schema }} to group analyst
    {%- endif -%}
{%- endmacro %}

{% macro marts_schema() -%}
    {{ generate_schema_name('marts', none) | trim }}
{%- endmacro %}

{# dbt grants to users, which on PostgreSQL are roles; on Redshift analysts are a group. dbt's own macro serves
   PostgreSQL. #}
{% macro redshift__get_grant_sql(relation, privilege, grantees) -%}
    grant {{ privilege }} on {{ relation.render() }} to group {{ grantees | join(', group ') }}
{%- endmacro %}
