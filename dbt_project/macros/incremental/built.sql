{# What is built, and from what: two tables in the schema `builds` (of one's own with XTAGE_SCHEMA_PREFIX), written by each
   model in the transaction that changes it, so that they never say more or less than what is there.
   built_models: one row per model: a hash of its `definition` and of those of all models before it; for a maintained table
   also its `version` (one more with each change of its rows), `complete_from` (its table of changes holds what happened
   after that version), the versions of the maintained tables it was built from (`inputs`, JSON), the table's id in the
   database (another table of this name is none of ours) and its number of rows.
   built_loads: one row per model and delivery that it was built from (stg_load_marks). #}
{% macro create_built() -%}
    {%- set builds = xtage.builds_schema() -%}
    create schema if not exists {{ builds }};
    create table if not exists {{ builds }}.built_models (
        model varchar(255) not null,
        definition varchar(32) not null,
        version bigint,
        complete_from bigint,
        inputs varchar(65535),
        relation_id bigint,
        row_count bigint
    );
    create table if not exists {{ builds }}.built_loads (
        model varchar(255) not null,
        load_id bigint not null,
        delivery_id bigint,
        landed_at timestamp not null
    )
{%- endmacro %}

{% macro builds_schema() -%}
    {{ generate_schema_name('builds', none) | trim }}
{%- endmacro %}

{# What built_models says of some models: name -> its row as a dictionary. #}
{% macro built_models(names) -%}
    {%- set found = {} -%}
    {%- set columns = ['model', 'definition', 'version', 'complete_from', 'inputs', 'relation_id', 'row_count'] -%}
    {%- set rows = run_query(
        'select ' ~ columns | join(', ') ~ ' from ' ~ xtage.builds_schema() ~ '.built_models where model in ('
        ~ xtage.quoted_list(names) ~ ')'
    ) -%}
    {%- for row in rows -%}
        {%- set built = {} -%}
        {%- for column in columns -%}
            {%- do built.update({column: row[column]}) -%}
        {%- endfor -%}
        {%- do built.update({'inputs': fromjson(built.inputs or '{}')}) -%}
        {%- do found.update({built.model: built}) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# The models that a model reads, by name. #}
{% macro parent_models() -%}
    {%- set parents = {} -%}
    {%- for unique_id in model.depends_on.nodes if unique_id.startswith('model.') -%}
        {%- set parent = graph.nodes[unique_id] -%}
        {%- do parents.update({parent.name: parent}) -%}
    {%- endfor -%}
    {{ return(parents) }}
{%- endmacro %}

{# A hash of the model's SQL, of its configuration and of what its parents are built by: the contracts, macros and
   variables it uses stand in the SQL.
   built: what built_models says of the parents. #}
{% macro definition_of(sql, parents, built) -%}
    {%- set words = [sql, tojson(config.get('unique_key')), tojson(config.get('indexes')), tojson(config.get('meta'), sort_keys=true)] -%}
    {%- for name in parents | sort -%}
        {%- do words.append(name ~ ' ' ~ built.get(name, {}).get('definition', '')) -%}
    {%- endfor -%}
    {{ return(local_md5(words | join('\n'))) }}
{%- endmacro %}

{# A hook of views: says what the view is now, where that is new. #}
{% macro record_definition(sql) -%}
    {%- if execute -%}
        {%- set parents = xtage.parent_models() -%}
        {%- set built = xtage.built_models(parents.keys() | list + [model.name]) -%}
        {%- set definition = xtage.definition_of(sql, parents, built) -%}
        {%- if built.get(model.name, {}).get('definition') != definition -%}
            {{ xtage.built_model_sql(model.name, {'definition': definition}) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# The statements that make a row of built_models say this.
   built: its columns; what is not there is null. #}
{% macro built_model_sql(name, built) -%}
    {%- set table = xtage.builds_schema() ~ '.built_models' -%}
    {%- set values = [] -%}
    {%- for column in ['version', 'complete_from', 'relation_id', 'row_count'] -%}
        {%- do values.append('null' if built.get(column) is none else built[column]) -%}
    {%- endfor -%}
    delete from {{ table }} where model = '{{ name }}';
    insert into {{ table }} (model, definition, inputs, version, complete_from, relation_id, row_count)
    values ('{{ name }}', '{{ built.definition }}', '{{ tojson(built.get("inputs", {})) }}', {{ values | join(', ') }})
{%- endmacro %}

{# A hook that does nothing: what it is given is built before. #}
{% macro built_after(relation) -%}
{%- endmacro %}
