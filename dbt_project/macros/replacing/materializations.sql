{# A table of PostgreSQL that is built whole and then takes the place of the one that is there. dbt's own waits for its readers
   with all others behind it, and drops the views on the table, which are missing until their models are built. #}
{% materialization table, adapter='postgres' -%}
    {%- set existing = load_cached_relation(this) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- do xtage.replace_table({'sql': sql, 'meta': {}}, existing) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{%- endmaterialization %}

{# A view of PostgreSQL: left alone when it is what it was, else changed where it stands, so that the views on it stay. Where
   its columns are others than before, which PostgreSQL refuses, or where a table stands in its place, that goes with all
   that reads it, as with dbt's own. #}
{% materialization view, adapter='postgres' -%}
    {%- set existing = load_cached_relation(this) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- if xtage.is_view_unchanged(sql) -%}
        {% call noop_statement('main', 'UNCHANGED', 'UNCHANGED', 0) %}{% endcall %}
    {%- else -%}
        {%- set create = get_create_view_as_sql(this.incorporate(type='view'), sql) -%}
        {%- set statements -%}
            begin
                {{ create | replace('create view', 'create or replace view', 1) }}
            exception
                when invalid_table_definition or wrong_object_type then
                    {{ get_drop_sql(existing) ~ ';' if existing }}
                    {{ create }}
            end;
        {%- endset -%}
        {%- do xtage.when_free(this, statements) -%}
        {% call noop_statement('main', 'CREATE VIEW', 'CREATE VIEW', 0) %}{{ create }}{% endcall %}
        {%- do apply_grants(this, config.get('grants'), should_revoke=should_revoke(existing, full_refresh_mode=True)) -%}
        {%- do persist_docs(this, model) -%}
        {{ run_hooks(post_hooks, inside_transaction=True) }}
        {{ adapter.commit() }}
    {%- endif -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [this.incorporate(type='view')]}) }}
{%- endmaterialization %}

{# Whether the view is there, built by the same SQL on parents that are the same (record_definition keeps what it was built by).
   Not so the views that read the sources: a table that was renamed, or came in the place of another, is one by its name only. #}
{% macro is_view_unchanged(sql) -%}
    {%- set parents = xtage.parent_models() -%}
    {%- set built = xtage.built_models(parents.keys() | list + [model.name]) -%}
    {{ return(
        built.get(model.name, {}).get('definition') == xtage.definition_of(sql, parents, built)
        and not model.sources and xtage.relation_id(this) is not none and not should_full_refresh()
    ) }}
{%- endmacro %}
