{# A table of which only what changed is built anew; everything, when the model or a contract changed.
   The model is the plain query of the whole table. Its config says:
   - unique_key: the columns by which rows are replaced. Without it a table that a change touches is built whole, and
     only its readers are told what is different: for tables as small as their file.
   - meta.feeds: the feeds whose deliveries it reads from staging.
   - meta.records: the staging models of which only the loads that are new or different need to be read.
   - meta.changed_by: for each maintained table it reads, the columns that hold the unique_key.
   - meta.looked_up: for each maintained table whose rows it looks up, the column of both that finds them.
   - meta.sums_of: the maintained tables it sums up; then all columns but the unique_key are sums that are never null, and
     the first is a count of rows.
   - meta.publishes: the columns that its readers are told of each row that goes and each that comes.
   One transaction holds the rows, what the readers are told, and what the model was built from: killed at any point, the
   next run finds a consistent state and catches up. #}
{% materialization incremental, default -%}
    {%- set existing = load_cached_relation(this) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- set build = xtage.plan_build(sql, existing) -%}
    {%- if build.way == 'keys' -%}
        {%- do xtage.find_changed_keys(build) -%}
    {%- endif -%}
    {%- if build.way == 'nothing' -%}
        {% call noop_statement('main', 'UNCHANGED', 'UNCHANGED', 0) %}{% endcall %}
    {%- elif build.way == 'keys' -%}
        {%- do xtage.replace_rows(build) -%}
    {%- else -%}
        {%- set old = xtage.replace_table(build, existing) -%}
    {%- endif -%}
    {%- if build.way != 'nothing' -%}
        {%- do xtage.record_build(build) -%}
        {{ run_hooks(post_hooks, inside_transaction=True) }}
        {{ adapter.commit() }}
        {%- if old -%}
            {{ drop_relation_if_exists(old) }}
        {%- endif -%}
    {%- endif -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{%- endmaterialization %}
