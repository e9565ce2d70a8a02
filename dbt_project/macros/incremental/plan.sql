{# What has to be done, as a dictionary:
   way: `everything` (readers build everything too), `whole` (readers are told the difference), `keys`, or `nothing`.
   sql, definition, built (of this model and its parents), inputs (name -> version), changed_inputs, changed_loads. #}
{% macro plan_build(sql, existing) -%}
    {%- set meta = config.get('meta', {}) -%}
    {%- set parents = xtage.parent_models() -%}
    {%- set built = xtage.built_models(parents.keys() | list + [model.name]) -%}
    {%- set before = built.get(model.name, {}) -%}
    {%- set build = {
        'sql': sql, 'meta': meta, 'parents': parents, 'built': built, 'before': before,
        'definition': xtage.definition_of(sql, parents, built), 'inputs': {}, 'changed_inputs': [], 'changed_loads': [],
    } -%}
    {%- set same = namespace(
        model=existing is not none and existing.is_table and not should_full_refresh()
        and before.get('definition') == build.definition and before.get('relation_id') == xtage.relation_id(this)
    ) -%}
    {%- for name in parents if built.get(name, {}).get('version') is not none -%}
        {%- set now, seen = built[name], before.get('inputs', {}).get(name) -%}
        {%- do build.inputs.update({name: now.version | int}) -%}
        {%- if seen is none or seen < now.complete_from or seen > now.version -%}
            {%- set same.model = false -%}
        {%- elif seen < now.version -%}
            {%- do build.changed_inputs.append(name) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if meta.feeds -%}
        {%- do build.update({'changed_loads': xtage.find_changed_loads(meta.feeds)}) -%}
    {%- endif -%}
    {%- set way = 'everything' -%}
    {%- if same.model and not build.changed_inputs and not build.changed_loads -%}
        {%- set way = 'nothing' -%}
    {%- elif same.model and meta.sums_of -%}
        {%- set way = 'whole' -%}
        {%- do build.update({'sql': xtage.summed_sql(build)}) -%}
    {%- elif same.model and not config.get('unique_key') -%}
        {%- set way = 'whole' -%}
        {%- if meta.records and build.changed_loads -%}
            {%- do xtage.read_changed_loads(build) -%}
            {%- do build.update({'sql': xtage.with_changed_loads(build, sql)}) -%}
        {%- endif -%}
    {%- elif same.model and not xtage.are_most_records(build.changed_loads, meta.feeds) -%}
        {%- set way = 'keys' -%}
    {%- endif -%}
    {%- do build.update({'way': way}) -%}
    {{ return(build) }}
{%- endmacro %}

{# Replaces the table by what its query gives, and makes its table of changes say how they differ, or that it begins
   anew. Returns the relation to drop after the commit, or none. #}
{% macro replace_table(build, existing) -%}
    {%- set new = make_intermediate_relation(this.incorporate(type='table')) -%}
    {{ drop_relation_if_exists(load_cached_relation(new)) }}
    {% call statement('main') -%}
        {{ get_create_table_as_sql(False, new, build.sql) }}
    {%- endcall %}
    {%- do create_indexes(new) -%}
    {%- do xtage.execute_all([xtage.analyze_sql(new)]) -%}
    {%- if build.meta.publishes -%}
        {%- do xtage.execute_all(
            xtage.difference_published(build, new) if build.way == 'whole' else xtage.changes_begun(build, new)
        ) -%}
    {%- endif -%}
    {%- set old = xtage.swap(new, existing) -%}
    {%- do apply_grants(this, config.get('grants'), should_revoke=should_revoke(existing, full_refresh_mode=True)) -%}
    {%- do persist_docs(this, model) -%}
    {%- do build.update({'row_count': load_result('main')['response'].rows_affected}) -%}
    {{ return(old) }}
{%- endmacro %}

{# Writes down what the table is now built from. #}
{% macro record_build(build) -%}
    {%- set version = xtage.next_version(build) -%}
    {%- set complete_from = version if build.way == 'everything' else [build.before.complete_from, version - 10] | max -%}
    {%- set statements = xtage.loads_built() if build.meta.feeds else [] -%}
    {%- do statements.append(xtage.built_model_sql({
        'definition': build.definition, 'inputs': build.inputs, 'version': version, 'complete_from': complete_from,
        'relation_id': xtage.relation_id(this), 'row_count': build.row_count,
    })) -%}
    {%- do xtage.execute_all(statements) -%}
{%- endmacro %}

{# The version a build makes. The first one is a time, so that none of the readers of an earlier table of this name can
   have seen it. #}
{% macro next_version(build) -%}
    {{ return((build.before.version if build.before.version else run_started_at.timestamp()) | int + 1) }}
{%- endmacro %}

{# What the database calls a table by itself; a table that was dropped and made again has another id. #}
{% macro relation_id(relation) -%}
    {%- set found = run_query(
        "select cast(pg_class.oid as bigint) from pg_class inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid"
        ~ " where pg_namespace.nspname = '" ~ relation.schema ~ "' and pg_class.relname = '" ~ relation.identifier ~ "'"
    ) -%}
    {{ return(found.rows[0][0] | int if found.rows else none) }}
{%- endmacro %}

{% macro execute_all(statements) -%}
    {%- for sql in statements if sql -%}
        {%- call statement() -%}{{ sql }}{%- endcall -%}
    {%- endfor -%}
{%- endmacro %}
