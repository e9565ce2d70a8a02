{# Puts a new table in the place of the relation that is there, if any. Returns the relation to drop after the commit, or
   none. #}
{% macro swap(new, existing) -%}
    {{ return(adapter.dispatch('swap', 'xtage')(new, existing)) }}
{%- endmacro %}

{# A view reads the table that it was made on, whatever that is called, and goes with it. So those on the old table are
   made again on the new one in the same moment: their readers never miss them. A view that the new table does not suit, or that
   is somebody else's, goes as before. #}
{% macro postgres__swap(new, existing) -%}
    {%- set old = make_backup_relation(this, 'table') -%}
    {%- set statements -%}
        {%- if existing and existing.is_table %}
        lock table {{ this }} in access exclusive mode;
        declare
            definition text;
            definitions text[] := {{ xtage.definitions_of_views_sql(this) }};
        begin
            drop table if exists {{ old }} cascade;
            alter table {{ this }} rename to {{ adapter.quote(old.identifier) }};
            alter table {{ new }} rename to {{ adapter.quote(this.identifier) }};
            foreach definition in array definitions loop
                begin
                    execute definition;
                exception
                    when undefined_column or invalid_table_definition or insufficient_privilege then null;
                end;
            end loop;
            drop table {{ old }} cascade;
        end;
        {%- else %}
        {{ get_drop_sql(existing) ~ ';' if existing }}
        alter table {{ new }} rename to {{ adapter.quote(this.identifier) }};
        {%- endif %}
    {%- endset -%}
    {%- do xtage.when_free(this, statements) -%}
    {{ return(none) }}
{%- endmacro %}

{% macro redshift__swap(new, existing) -%}
    {%- set old = make_backup_relation(this, existing.type if existing else 'table') -%}
    {{ drop_relation_if_exists(load_cached_relation(old)) }}
    {%- if existing -%}
        {%- do adapter.rename_relation(existing, old) -%}
    {%- endif -%}
    {%- do adapter.rename_relation(new, this.incorporate(type='table')) -%}
    {{ return(old if existing else none) }}
{%- endmacro %}

{# The statements that make the views on a table, as an array; of PostgreSQL. #}
{% macro definitions_of_views_sql(relation) -%}
    array(
        select format('create or replace view %s as %s', cast(oid as regclass), pg_get_viewdef(oid))
        from pg_class
        where
            relkind = 'v' and oid in (
                select ev_class from pg_rewrite inner join pg_depend on pg_depend.objid = pg_rewrite.oid
                where refobjid = cast('{{ relation }}' as regclass)
            )
    )
{%- endmacro %}
