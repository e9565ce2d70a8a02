{# What is built, and from what, in the schema `builds` (of one's own with XTAGE_SCHEMA_PREFIX): a table or two for each
   model, which it alone writes, in the transaction that changes it. So they never say more or less than what is there, and
   no model waits for another, or collides with it on Redshift.
   `<model>_built` has one row: a hash of the model's `definition` and of those of all models before it; of a table also
   its `version` (one more with each change of its rows), `complete_from` (its table of changes holds what happened after
   that version), the versions of the tables it was built from (`inputs`, JSON), the table's id in the database (another
   table of this name is none of ours) and its number of rows.
   `<model>_loads`: the deliveries that it was built from, as stg_load_marks has them. #}
{% macro create_built() -%}
    {%- set builds = xtage.builds_schema() -%}
    create schema if not exists {{ builds }};
    {%- set known = [] -%}
    {%- if execute -%}
        {%- for row in run_query("select table_name from information_schema.tables where table_schema = '" ~ builds ~ "'") -%}
            {%- do known.append(row[0]) -%}
        {%- endfor -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model' %}
            {%- if node.name ~ '_built' not in known %}
    create table if not exists {{ builds }}.{{ node.name }}_built (
        definition varchar(32) not null,
        version bigint,
        complete_from bigint,
        inputs varchar(65535),
        relation_id bigint,
        row_count bigint
    );
            {%- endif %}
            {%- if node.config.meta.feeds and node.name ~ '_loads' not in known %}
    create table if not exists {{ builds }}.{{ node.name }}_loads (
        load_id bigint not null,
        delivery_id bigint,
        landed_at timestamp not null
    );
            {%- endif %}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{% macro builds_schema() -%}
    {{ generate_schema_name('builds', none) | trim }}
{%- endmacro %}

{# A table of a model in the schema `builds`: `built`, `loads` or `changes`. #}
{% macro builds_table(name, suffix) -%}
    {{ return(xtage.builds_schema() ~ '.' ~ name ~ '_' ~ suffix) }}
{%- endmacro %}

{# What is known of the builds of some models: name -> the row of its table as a dictionary. #}
{% macro built_models(names) -%}
    {%- set found, selects = {}, [] -%}
    {%- set columns = ['definition', 'version', 'complete_from', 'inputs', 'relation_id', 'row_count'] -%}
    {%- for name in names -%}
        {%- do selects.append(
            "select '" ~ name ~ "' as model, " ~ columns | join(', ') ~ ' from ' ~ xtage.builds_table(name, 'built')
        ) -%}
    {%- endfor -%}
    {%- for row in run_query(selects | join(' union all ')) -%}
        {%- set built = {} -%}
        {%- for column in columns -%}
            {%- do built.update({column: row[column]}) -%}
        {%- endfor -%}
        {%- do built.update({'inputs': fromjson(built.inputs or '{}')}) -%}
        {%- do found.update({row['model']: built}) -%}
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
   built: what is known of the parents' builds. #}
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
            {{ xtage.built_model_sql({'definition': definition}) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# The statements that write down what the model is now built by and from.
   built: the columns of its table; what is not there is null. #}
{% macro built_model_sql(built) -%}
    {%- set table = xtage.builds_table(model.name, 'built') -%}
    {%- set values = [] -%}
    {%- for column in ['version', 'complete_from', 'relation_id', 'row_count'] -%}
        {%- do values.append('null' if built.get(column) is none else built[column]) -%}
    {%- endfor -%}
    delete from {{ table }};
    insert into {{ table }} (definition, inputs, version, complete_from, relation_id, row_count)
    values ('{{ built.definition }}', '{{ tojson(built.get("inputs", {})) }}', {{ values | join(', ') }})
{%- endmacro %}

{# A hook that does nothing: what it is given is built before. #}
{% macro built_after(relation) -%}
{%- endmacro %}
