{# Lets a person's run begin only when the pipeline is not building the same schemas: two runs at once replace each
   other's relations and break. Waits up to 15 minutes, telling what for. The pipeline's own build (it has XTAGE_RUN_ID)
   and schemas of one's own (XTAGE_SCHEMA_PREFIX) need not wait.
   The reverse, a run of the pipeline that begins during a person's, is not prevented: that build may fail, and the next
   run is right. #}
{% macro wait_for_the_pipeline() -%}
    {%- if execute and not env_var('XTAGE_RUN_ID', '') and not env_var('XTAGE_SCHEMA_PREFIX', '') -%}
        {{ adapter.dispatch('wait_for_the_pipeline', 'xtage')() }}
    {%- endif -%}
{%- endmacro %}

{% macro postgres__wait_for_the_pipeline() -%}
    {%- set building = namespace(run=xtage.run_that_builds()) -%}
    {%- for second in range(900) if building.run -%}
        {%- if second % 15 == 0 -%}
            {%- do log(
                "Waiting for the pipeline's run " ~ building.run ~ ", which is building the models. "
                ~ "If that run died, `xtage run` takes over; with XTAGE_SCHEMA_PREFIX you build beside it.", info=true
            ) -%}
        {%- endif -%}
        {%- do run_query('select pg_sleep(1)') -%}
        {%- set building.run = xtage.run_that_builds() -%}
    {%- endfor -%}
    {%- if building.run -%}
        {{ exceptions.raise_compiler_error(
            "the pipeline's run " ~ building.run ~ " is still building the models: wait for it with `xtage run`, "
            ~ "or set XTAGE_SCHEMA_PREFIX to build beside it"
        ) }}
    {%- endif -%}
{%- endmacro %}

{# RDS holds the lease; builds in Redshift are the pipeline's alone. #}
{% macro redshift__wait_for_the_pipeline() -%}
{%- endmacro %}

{# The pipeline's run that is building now; none when there is none, or no ledger. #}
{% macro run_that_builds() -%}
    {%- set lease = adapter.get_relation(database=target.dbname, schema='ops', identifier='lease') -%}
    {%- if lease -%}
        {%- set found = run_query(
            "select runs.run_id from ops.lease inner join ops.runs on lease.run_id = runs.run_id"
            ~ " where lease.expires_at > now() at time zone 'utc' and runs.build_started_at is not null"
            ~ " and (runs.built_through is null or runs.built_through < runs.build_started_at)"
        ) -%}
        {{ return(found.rows[0][0] if found.rows else none) }}
    {%- endif -%}
{%- endmacro %}
